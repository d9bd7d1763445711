#include <clb/launch/devices.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <sstream>

namespace clb::launch {

using base::Error;

namespace {

constexpr std::string_view kCard = "cuda:";

bool is_card(const std::string& device) {
  const std::string digits = device.starts_with(kCard) ? device.substr(kCard.size()) : "";
  return !digits.empty() && digits.size() <= 3 && digits.find_first_not_of("0123456789") == std::string::npos &&
         (digits == "0" || digits.front() != '0');
}

size_t index_of(const std::string& card) { return std::stoul(card.substr(kCard.size())); }

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) parts.push_back(part);
  if (text.empty() || text.back() == ',') parts.emplace_back();
  return parts;
}

}  // namespace

std::vector<std::string> parse_devices(const std::string& text) {
  std::vector<std::string> devices;
  for (const std::string& device : split(text)) {
    if (device != "cpu" && !is_card(device))
      throw Error(fmt::format("--devices takes cards, for example cuda:0,cuda:1 (or cpu), not '{}' in '{}'", device, text));
    if (std::ranges::find(devices, device) != devices.end())
      throw Error(fmt::format("--devices names {} twice; each run gets a device of its own", device));
    devices.push_back(device);
  }
  return devices;
}

void check_cards(const std::vector<std::string>& devices, int64_t cards) {
  for (const std::string& device : devices) {
    if (device == "cpu" || static_cast<int64_t>(index_of(device)) < cards) continue;
    throw Error(fmt::format("--devices names {}, but {}; `clbench doctor` lists what is usable here", device,
                            cards == 0 ? "no CUDA card is usable here"
                                       : fmt::format("this machine has {} CUDA card{}, counted from 0", cards, cards == 1 ? "" : "s")));
  }
}

void check_assignable(const std::vector<std::string>& devices, const std::string& wanted) {
  if (wanted.starts_with(kCard))
    throw Error(
        fmt::format("the experiment asks for run.device = \"{}\" itself; leave --devices out, or let run.device be \"cuda\" or "
                    "\"auto\"",
                    wanted));
  if (wanted == "cuda" && std::ranges::find(devices, "cpu") != devices.end())
    throw Error("the experiment asks for run.device = \"cuda\", and --devices names cpu; leave that out");
}

std::string next_device(const std::vector<std::string>& devices, const std::vector<std::string>& taken) {
  const auto fewest = std::ranges::min_element(devices, {}, [&](const std::string& device) { return std::ranges::count(taken, device); });
  return fewest == devices.end() ? "" : *fewest;
}

std::map<std::string, std::string> device_environment(const std::string& device, const char* visible) {
  constexpr const char* kVisible = "CUDA_VISIBLE_DEVICES";
  if (device.empty()) return {};
  if (device == "cpu") return {{kVisible, ""}};
  const size_t index = index_of(device);
  if (!visible) return {{kVisible, std::to_string(index)}};
  const std::vector<std::string> cards = split(visible);
  return {{kVisible, index < cards.size() ? cards[index] : ""}};
}

}  // namespace clb::launch
