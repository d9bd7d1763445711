// Looks for images in the bytes of a saved state: in any of the usual number types, at any alignment, spread over every n-th element or in
// the low bits of other numbers, planes or interleaved channels, mirrored, transposed, halved. What is compressed, encrypted or scrambled
// it cannot find.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clb::conformance {

class ImageSearch {
 public:
  // images: [side, side, 3] uint8 each, of strong independent noise, so that no two are alike and a mean of several is like none of them.
  ImageSearch(const std::vector<std::vector<uint8_t>>& images, int64_t side);

  struct Found {
    size_t image;
    std::string as;      // how it is stored: "uint8, every 4th byte"
    double correlation;  // of the pixels
  };
  std::optional<Found> find(std::string_view bytes) const;  // the first one

 private:
  struct Sequence {  // pixels of a plane in one order
    size_t image;
    std::vector<float> values;
  };
  struct Anchor {  // what the ups and downs behind a place of a sequence look like
    uint32_t pattern, sequence, offset;
  };
  void add_planes(size_t image, const std::vector<std::vector<float>>& planes, int64_t side);
  void add_sequence(size_t image, std::vector<float> values);
  void index();
  template <class Number>
  std::optional<Found> find_as(std::string_view bytes, size_t stride) const;
  template <class Number>
  std::optional<Found> verify(std::string_view bytes, size_t stride, size_t phase, int64_t element, uint32_t pattern) const;
  std::optional<Found> find_in_nibbles(std::string_view bytes) const;
  std::optional<Found> find_in_low_bits(std::string_view bytes) const;

  std::vector<Sequence> sequences_;
  std::vector<Anchor> anchors_;  // by pattern
  std::vector<uint64_t> maybe_;  // a bit for each hash of a pattern that occurs
};

}  // namespace clb::conformance
