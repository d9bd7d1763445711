// Memory for decoded images, one after the other: it is not cleared before it is decoded into, and kept when it is used again.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

namespace clb::data {

class Pixels {
 public:
  size_t size() const { return size_; }
  void cut(size_t size) { size_ = size; }  // to fewer bytes

  // The place of `more` bytes behind those that are there, which may move.
  uint8_t* extend(size_t more) {
    if (more > room_ - size_) {
      const size_t room = std::max(size_ + more, 2 * room_);
      auto larger = std::make_unique_for_overwrite<uint8_t[]>(room);
      if (size_ > 0) std::memcpy(larger.get(), bytes_.get(), size_);
      bytes_ = std::move(larger);
      room_ = room;
    }
    size_ += more;
    return bytes_.get() + (size_ - more);
  }

  std::span<const uint8_t> bytes(size_t at, size_t size) const { return {bytes_.get() + at, size}; }

 private:
  std::unique_ptr<uint8_t[]> bytes_;
  size_t size_ = 0, room_ = 0;
};

}  // namespace clb::data
