#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/json_at.hpp>
#include <clb/base/path_text.hpp>
#include <clb/fetch/record.hpp>

#include "entry_path.hpp"

namespace clb::fetch {

namespace fs = std::filesystem;
using base::Json;

namespace {

constexpr uint64_t kMostBytesOfRecord = 64 << 20;

Fetched read(const Json& json) {
  Fetched fetched{base::text_at(json, "/url"), base::text_at(json, "/sha256"), 0, {}, base::flag_at(json, "/complete")};
  fetched.size = static_cast<uint64_t>(std::max<int64_t>(base::integer_at(json, "/size"), 0));
  for (const Json& name : base::list_at(json, "/unpacked"))
    if (const std::string inner = name.is_string() ? base::path_bytes(name.get<std::string>()) : ""; inner_name(inner) == inner)
      fetched.unpacked.push_back(inner);  // what it names may be removed
  return fetched;
}

Json written(const Fetched& fetched) {
  Json names = Json::array();
  for (const std::string& name : fetched.unpacked) names.push_back(base::path_text(name));
  return {{"url", fetched.url}, {"sha256", fetched.sha256}, {"size", fetched.size}, {"unpacked", names}, {"complete", fetched.complete}};
}

}  // namespace

Record::Record(const fs::path& folder) : file_(folder / kOwnFolder / "fetched.json") {
  std::error_code error;
  if (!fs::exists(file_, error)) return;
  const Json json = base::parse_json(base::read_file(file_, kMostBytesOfRecord), file_.string());
  if (!json.is_object() || !json.contains("files") || !json["files"].is_object())
    throw base::Error(fmt::format("{}: is no record of what was fetched; remove it, and what is there is looked at anew", file_.string()));
  for (const auto& [to, fetched] : json["files"].items()) files_[to] = read(fetched);
}

const Fetched* Record::find(const std::string& to) const {
  const auto found = files_.find(to);
  return found == files_.end() ? nullptr : &found->second;
}

bool Record::unpacked_before(const std::string& to, const std::string& name) const {
  const Fetched* fetched = find(to);
  return fetched && std::find(fetched->unpacked.begin(), fetched->unpacked.end(), name) != fetched->unpacked.end();
}

void Record::set(const std::string& to, const Fetched& fetched) {
  files_[to] = fetched;
  write();
}

void Record::forget(const std::string& to) {
  files_.erase(to);
  write();
}

void Record::write() const {
  Json files = Json::object();
  for (const auto& [name, one] : files_) files[name] = written(one);
  base::write_file_atomic(file_, base::pretty({{"version", 1}, {"files", files}}));
}

}  // namespace clb::fetch
