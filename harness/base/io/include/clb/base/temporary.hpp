// Names that nobody else takes. Processes of several containers and hosts share caches, databases and folders of results, and a process
// number says nothing outside its own container: so whatever is temporary is named here, and made with O_EXCL.
#pragma once

#include <clb/base/file_system.hpp>
#include <filesystem>
#include <string>

namespace clb::base {

// A new name in the folder of `file`: FILE.HOST.PID.RANDOM.tmp, with 64 random bits. Host and pid are for people who find one.
std::filesystem::path temporary_beside(const std::filesystem::path& file);

// The same, made: an empty file, and an empty folder; permissions by the umask. WriteError.
std::filesystem::path temporary_file_beside(const std::filesystem::path& file);
std::filesystem::path temporary_folder_beside(const std::filesystem::path& folder);

// Removes from a folder what makers of such names that died have left, with what SQLite puts beside them; `of`: of the file with this name
// alone, empty: of all. Only for whoever holds the lock that each of these makers holds, too: then none of them is alive. Where a lock of
// another host may not be seen (FileSystem::local), what another host made stays.
void remove_stale_temporaries(const std::filesystem::path& folder, const std::string& of);
void remove_stale_temporaries(const std::filesystem::path& folder, const std::string& of, const FileSystem& on);

// This machine's name; what is no letter of kHostLetters becomes '-', longer ones are cut.
inline constexpr const char* kHostLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
std::string host_name();

}  // namespace clb::base
