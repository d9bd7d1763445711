// Which device each of several runs gets (--devices). The device that an experiment asks for names what is computed and is part of a run's
// key; which of a machine's cards that is today is not, and reaches the runner through its environment alone: of the cards it sees one, as
// cuda:0.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace clb::launch {

// "cuda:0,cuda:2" or "cpu". Error: something else, one that is named twice, or a card beyond `cards`, as clb-runner counts them.
std::vector<std::string> parse_devices(const std::string& text);
void check_cards(const std::vector<std::string>& devices, int64_t cards);

// Error when a run that asks for `wanted` cannot be given one of `devices`: it names a card itself, or wants a card and gets the processor.
void check_assignable(const std::vector<std::string>& devices, const std::string& wanted);

// The device with the fewest runs of `taken`, the first of those; "" when there are none to give.
std::string next_device(const std::vector<std::string>& devices, const std::vector<std::string>& taken);

// What a runner's environment gets so that `device` ("": any) is the one it finds. `visible`: CUDA_VISIBLE_DEVICES as the launcher has it,
// null when unset: cuda:K is its K-th.
std::map<std::string, std::string> device_environment(const std::string& device, const char* visible);

}  // namespace clb::launch
