// Which runs a word of the command line means.
//
//   [FILE][@COMMIT][:METHOD[/PRESET][,NAME=VALUE...]]
//
//   l2p             a method            l2p/small            a preset            finetune,lr=0.03   a method with this parameter
//   results.sqlite  a database          old.sqlite@3d5e14    its runs of one commit                 @3d5e14    those of --db
//   old.sqlite@3d5e14:l2p/small         all of it
//
// COMMIT may be shortened as long as it names one commit. NAME is a parameter, or precision, joint, config (first characters of its key).
#pragma once

#include <clb/store/store.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace clb::compare {

struct Ref {
  std::string text;  // as it was given
  std::filesystem::path file;
  std::string commit, method, preset;
  std::vector<std::pair<std::string, std::string>> settings;
  bool bare = false;  // one word that is no file: a method, or else a commit
};

// A word without ':' and '@' is a file when there is one of that name or it ends in .sqlite or .db. Error for an empty part.
Ref parse_ref(const std::string& text, const std::filesystem::path& default_file);
Ref parse_file_ref(const std::string& text);  // FILE[@COMMIT] alone

// The attempts of a ref. Without a commit: those of the newest commit, or of every one.
enum class Commits { kNewest, kAll };
struct Selection {
  Ref ref;
  std::shared_ptr<const store::Store> store;
  std::vector<store::RunRow> attempts;  // by start; not yet those of ref.method alone
};
// Error (exit 2) lists the commits that there are when ref.commit names none or several, and says so when there is no attempt at all.
Selection select(const Ref& ref, Commits commits);

}  // namespace clb::compare
