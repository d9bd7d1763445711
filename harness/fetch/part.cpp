#include "part.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <clb/base/json_at.hpp>
#include <cstring>

#include "place.hpp"

namespace clb::fetch {

namespace fs = std::filesystem;
using base::Json;

Part::Part(const fs::path& file) : path_(file.string() + ".part") {
  constexpr uint64_t kMostState = 1 << 16;
  struct stat status {};
  if (lstat(path_.c_str(), &status) != 0) return;
  if (!S_ISREG(status.st_mode))
    throw base::Error(fmt::format("{}: is no file that a download could go on with; remove it", path_.string()));
  try {
    const Json state = base::parse_json(base::read_file(state_path(), kMostState), state_path().string());
    url_ = base::text_at(state, "/url");
    validator_ = base::text_at(state, "/validator");
    if (const int64_t total = base::integer_at(state, "/total"); total > 0) total_ = static_cast<uint64_t>(total);
    size_ = static_cast<uint64_t>(status.st_size);
  } catch (const base::Error&) {  // none, or damaged: nothing is known of what came
  }
  if (url_.empty() || (total_ && size_ > *total_) || (validator_.empty() && !whole())) forget();
  if (size_ > 0) open_file();
}

void Part::open_file() {
  file_ = base::Descriptor(open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666));
  if (file_.get() < 0) throw base::WriteError(cannot_write(path_, errno));
}

void Part::start(const std::string& url, const std::string& validator, std::optional<uint64_t> total) {
  forget();
  open_file();
  url_ = url;
  validator_ = validator;
  total_ = total;
  base::write_file_atomic(state_path(), base::canonical({{"url", url}, {"validator", validator}, {"total", total.value_or(0)}}));
}

void Part::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) throw base::WriteError(cannot_write(path_, errno));
    size_ += static_cast<uint64_t>(put);
    bytes.remove_prefix(static_cast<size_t>(put));
  }
}

void Part::forget() {
  std::error_code ignored;
  file_.reset();
  fs::remove(path_, ignored);
  fs::remove(state_path(), ignored);
  size_ = 0;
  url_.clear();
  validator_.clear();
  total_.reset();
}

void Part::finish(const fs::path& file) {
  if (fsync(file_.get()) != 0) throw base::WriteError(cannot_write(path_, errno));
  rename_new(path_, file);
  std::error_code ignored;
  fs::remove(state_path(), ignored);
  file_.reset();
}

}  // namespace clb::fetch
