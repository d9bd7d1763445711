// Images for a person to look at: many on one sheet, and what they show in words.
#pragma once

#include <clb/formula/image.hpp>
#include <functional>
#include <string>
#include <string_view>

namespace clb::formula {

enum class SheetOf { kImages, kMasks, kClasses };

// A PNG file of `count` images from index `first` on, `columns` a row, each pixel `zoom` pixels wide. kMasks: the masks of these images;
// kClasses: the figures of the classes from `first` on.
std::string sheet(const Painter& painter, SheetOf what, int64_t first, int64_t count, int64_t columns, int64_t zoom);

// The same of whatever images.
std::string sheet(const std::function<void(int64_t index, Image& image)>& draw, int64_t first, int64_t count, int64_t columns,
                  int64_t zoom);

// One JSON object a line: index, class, family, texture, colour, background, count, caption.
std::string captions(const Painter& painter, int64_t first, int64_t count);

// By the first bytes of a file: is it one of these?
bool is_sheet(std::string_view begin);
bool is_captions(std::string_view begin);

}  // namespace clb::formula
