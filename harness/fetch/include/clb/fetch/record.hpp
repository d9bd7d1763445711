// What clbench fetched into a folder: .clbench/fetched.json there. By it files are known again, and what was unpacked is known to be whole.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace clb::fetch {

struct Fetched {
  std::string url;  // "": a person put it there
  std::string sha256;
  uint64_t size = 0;
  std::vector<std::string> unpacked;  // what came out of it, below the folder; from before it gets its names there
  bool complete = false;              // all of that has its names
};

class Record {
 public:
  explicit Record(const std::filesystem::path& folder);  // empty where there is none; Error: it is damaged

  const std::filesystem::path& file() const { return file_; }
  const Fetched* find(const std::string& to) const;
  bool unpacked_before(const std::string& to, const std::string& name) const;  // is NAME of the folder from this archive?
  void set(const std::string& to, const Fetched& fetched);                     // and writes it
  void forget(const std::string& to);                                          // so does this

 private:
  void write() const;

  std::filesystem::path file_;
  std::map<std::string, Fetched> files_;
};

inline constexpr const char* kOwnFolder = ".clbench";  // of the record, the lock and what is being unpacked

}  // namespace clb::fetch
