#include <fmt/format.h>

#include <array>
#include <charconv>
#include <clb/base/error.hpp>
#include <clb/launch/human.hpp>
#include <cmath>

namespace clb::launch {

std::string human_bytes(uint64_t bytes) {
  constexpr std::array<const char*, 6> kUnits{"bytes", "kB", "MB", "GB", "TB", "PB"};
  if (bytes < 1000) return fmt::format("{} bytes", bytes);
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 999.95 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string human_seconds(double seconds) {
  if (seconds < 9.95) return fmt::format("{:.1f} s", std::max(seconds, 0.0));
  const auto whole = std::llround(seconds);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

namespace {

struct Quantity {
  double value = -1;  // negative: not a number
  std::string_view unit;
};

Quantity split_unit(std::string_view text) {
  Quantity quantity;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), quantity.value);
  if (error != std::errc() || !std::isfinite(quantity.value)) return {};
  quantity.unit = text.substr(static_cast<size_t>(end - text.data()));
  while (quantity.unit.starts_with(' ')) quantity.unit.remove_prefix(1);
  return quantity;
}

}  // namespace

double parse_seconds(std::string_view text) {
  const auto [value, unit] = split_unit(text);
  double factor = 0;
  if (unit.empty() || unit == "s") factor = 1;
  if (unit == "m" || unit == "min") factor = 60;
  if (unit == "h") factor = 3600;
  if (unit == "d") factor = 86400;
  if (value < 0 || factor == 0) throw base::Error(fmt::format("'{}' is no duration; write for example 90s, 10m, 2h or 1d", text));
  return value * factor;
}

uint64_t parse_bytes(std::string_view text) {
  const auto [value, unit] = split_unit(text);
  double factor = 0;
  if (unit.empty() || unit == "B") factor = 1;
  if (unit == "k" || unit == "K" || unit == "kB" || unit == "KB") factor = 1e3;
  if (unit == "M" || unit == "MB") factor = 1e6;
  if (unit == "G" || unit == "GB") factor = 1e9;
  if (unit == "T" || unit == "TB") factor = 1e12;
  if (value < 0 || factor == 0 || value * factor > 1e18) {
    throw base::Error(fmt::format("'{}' is no size; write for example 500M or 3GB", text));
  }
  return static_cast<uint64_t>(value * factor);
}

}  // namespace clb::launch
