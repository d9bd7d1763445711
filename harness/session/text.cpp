#include <clb/meta.h>

#include <clb/sdk/error.hpp>
#include <clb/session/text.hpp>

namespace clb::session {

const char* name_of_class(const Session& s, int64_t position) {
  const bool zero_shot = (s.spec.method.capabilities & CLB_CAP_ZERO_SHOT) != 0;
  const int64_t known = zero_shot ? s.protocol.class_count() : s.task < 0 ? 0 : s.protocol.classes_seen(s.task);
  if (position < 0 || position >= known)
    throw PluginError(CLB_E_INVALID,
                      "class " + std::to_string(position) + " is asked for by name, but " +
                          (zero_shot ? "there are " : "without zero_shot only those seen have one: ") + std::to_string(known),
                      "", 0);
  return s.spec.text.names.at(static_cast<size_t>(s.protocol.original(position))).c_str();
}

}  // namespace clb::session
