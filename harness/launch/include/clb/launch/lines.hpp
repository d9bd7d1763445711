// Lines of what a child writes: of its event pipe, and the last one before it gave up.
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

// The last line that says something of what a program printed, "" when there is none.
std::string last_line(const std::string& text);

}  // namespace clb::launch
