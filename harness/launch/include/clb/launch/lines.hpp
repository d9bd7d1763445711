// Cuts the bytes of an event pipe into lines.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace clb::launch {

inline constexpr size_t kMaxEventLine = 64u << 20;  // base/event.hpp

class LineCutter {
 public:
  // Calls `line` for every complete line of what came so far, without its newline. Error when a line grows beyond kMaxEventLine.
  void feed(std::string_view bytes, const std::function<void(std::string_view)>& line);

  // What came after the last newline.
  const std::string& rest() const { return rest_; }
  size_t count() const { return count_; }  // lines given out

 private:
  std::string rest_;
  size_t count_ = 0;
};

}  // namespace clb::launch
