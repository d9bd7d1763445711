// Durations and sizes as people write and read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace clb::launch {

std::string human_bytes(uint64_t bytes);      // "3.1 GB", decimal units
std::string human_seconds(double seconds);    // "0.4 s", "12 s", "3 min 05 s", "2 h 07 min"
double parse_seconds(std::string_view text);  // "90", "90s", "10m", "2h", "1d"; Error says the form
uint64_t parse_bytes(std::string_view text);  // "500M", "3GB", "1073741824"; decimal units; Error says the form

}  // namespace clb::launch
