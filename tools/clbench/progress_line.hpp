// A line on stderr every few seconds while something long is on: on a terminal in one place, else a line each.
#pragma once

#include <clb/launch/describe.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace clb::cli {

// "SUBJECT: 12 of 40 WHAT, 3 a second, 9 s left"
std::function<void(size_t done, size_t all)> progress_line(const std::string& subject, const std::string& what);

// Of bytes: "SUBJECT: 1.2 GB of 2.2 GB WHAT, 12 MB a second, 1 min 20 s left"; all 0: nobody knows how many.
std::function<void(const std::string& what, uint64_t done, uint64_t all)> bytes_progress(const std::string& subject);

// Of a data set that is read for the first time, or waited for.
launch::Describer::Progress reading_progress();

}  // namespace clb::cli
