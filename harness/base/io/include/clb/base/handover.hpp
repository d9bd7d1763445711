// One message from process to process, with descriptors: over a pair of sockets that both have from their start.
#pragma once

#include <clb/base/descriptor.hpp>
#include <optional>
#include <string>
#include <vector>

namespace clb::base {

struct Handover {
  std::vector<std::string> texts{};  // of any length, without zero bytes
  std::vector<Descriptor> descriptors{};
};

// A pair of connected sockets; close-on-exec. Error (kInternal): the system has no more.
std::pair<Descriptor, Descriptor> handover_sockets();

// Error (kInternal): the other side is gone, or the system has no more descriptors.
void hand_over(int socket, const std::vector<std::string>& texts, const std::vector<int>& descriptors);

// Waits for the next message. nullopt: the other side has closed. What was received is close-on-exec. Error (kInternal): not such a
// message.
std::optional<Handover> take_over(int socket);

}  // namespace clb::base
