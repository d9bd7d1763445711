#include <fmt/format.h>

#include <clb/base/error.hpp>
#include <clb/launch/lines.hpp>

namespace clb::launch {

std::string last_line(const std::string& text) {
  const size_t end = text.find_last_not_of(" \r\n\t");
  if (end == std::string::npos) return "";
  const size_t begin = text.rfind('\n', end);
  return text.substr(begin == std::string::npos ? 0 : begin + 1, begin == std::string::npos ? end + 1 : end - begin);
}

void LineCutter::feed(std::string_view bytes, const std::function<void(std::string_view)>& line) {
  for (size_t end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
    ++count_;
    if (rest_.empty()) {
      line(bytes.substr(0, end));
    } else {
      rest_.append(bytes.substr(0, end));
      const std::string whole = std::move(rest_);
      rest_.clear();
      line(whole);
    }
    bytes.remove_prefix(end + 1);
  }
  rest_.append(bytes);
  if (rest_.size() > kMaxEventLine) {
    throw base::Error(fmt::format("event line {} is longer than {} MiB", count_ + 1, kMaxEventLine >> 20), base::Exit::kInternal);
  }
}

}  // namespace clb::launch
