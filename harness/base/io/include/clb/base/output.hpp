// What a file that a user names may be written over. Every program that writes to such a name asks here, so that nothing is lost that
// clbench did not make:
//
//  - What the command reads is never written over, whatever name it goes by: files are told apart by device and inode.
//  - A file that is there is replaced when it is empty (a name from mktemp), when it carries the mark of what is written, or with --force.
//  - A link is followed, also one whose target is not there yet: the target is written and the link stays.
//  - A folder and a disk are refused. A pipe, a terminal, /dev/null or /dev/stdout is written to as it is, and not replaced by a file.
#pragma once

#include <clb/base/file.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clb::base {

struct OutputRule {
  std::string what;  // what may be replaced, for the message: "an export of clbench"
  // Does the file carry the mark? `ends`: its first and its last kMarkBytes bytes.
  std::function<bool(std::string_view ends)> is_own;
  std::vector<fs::path> inputs;  // what the command reads, or writes besides
  bool force = false;
};
inline constexpr size_t kMarkBytes = 4096;

// Where a name leads to: the last component's links followed, also to a file that is not there yet; the name itself where it is no link.
fs::path followed(const fs::path& named);

// One file under two names: by device and inode, by their folder and name where they are not there yet.
bool same_file(const fs::path& a, const fs::path& b);

// Error when `named` must not be written under `rule`. Asked before long work, so that nobody waits for a refusal.
void require_output(const fs::path& named, const OutputRule& rule);

// A file under the rule, there whole or not at all after finish(); something else than a file is written to directly.
class Output {
 public:
  Output(const fs::path& named, const OutputRule& rule);
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void write(std::string_view bytes);
  void finish();

 private:
  fs::path named_;
  std::optional<AtomicFile> file_;
  int stream_ = -1;
};
void write_output(const fs::path& named, std::string_view bytes, const OutputRule& rule);

}  // namespace clb::base
