// State as bytes, for tests: anything with state(Archive&) is saved to and loaded from a string.
#pragma once

#include <algorithm>
#include <clb/sdk/archive.hpp>
#include <cstring>
#include <functional>
#include <string>

namespace clb::testing {

// Calls save(writer) with a writer that appends to the string it returns.
inline std::string written(const std::function<void(const clb_writer&)>& save) {
  std::string bytes;
  save({sizeof(clb_writer), 0, &bytes, [](void* self, const void* data, uint64_t count) -> clb_status {
          static_cast<std::string*>(self)->append(static_cast<const char*>(data), count);
          return CLB_OK;
        }});
  return bytes;
}

// Calls load(reader) with a reader of `bytes` of which one read delivers at most `step`.
inline void read(const std::string& bytes, uint64_t step, const std::function<void(const clb_reader&)>& load) {
  struct Source {
    const std::string& bytes;
    uint64_t step, at = 0;
  } source{bytes, step};
  load({sizeof(clb_reader), 0, &source, [](void* self, void* out, uint64_t count, uint64_t* got) -> clb_status {
          auto& s = *static_cast<Source*>(self);
          *got = std::min({count, s.step, s.bytes.size() - s.at});
          std::memcpy(out, s.bytes.data() + s.at, *got);
          s.at += *got;
          return CLB_OK;
        }});
}

template <class S>
std::string saved(S& state) {
  return written([&](const clb_writer& writer) {
    auto archive = Archive::saving(writer);
    state.state(archive);
  });
}

template <class S>
void load(S& state, const std::string& bytes, uint64_t step = uint64_t{1} << 20) {
  read(bytes, step, [&](const clb_reader& reader) {
    auto archive = Archive::loading(reader, torch::kCPU);
    state.state(archive);
  });
}

}  // namespace clb::testing
