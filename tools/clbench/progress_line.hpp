// A line on stderr every few seconds while something long is on: on a terminal in one place, else a line each.
#pragma once

#include <clb/launch/describe.hpp>
#include <cstddef>
#include <functional>
#include <string>

namespace clb::cli {

// "SUBJECT: 12 of 40 WHAT, 3 a second, 9 s left"
std::function<void(size_t done, size_t all)> progress_line(const std::string& subject, const std::string& what);

// Of a data set that is read for the first time, or waited for.
launch::Describer::Progress reading_progress();

}  // namespace clb::cli
