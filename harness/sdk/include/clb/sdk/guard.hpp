// What every function of a plugin's table needs: no exception leaves it, and structs of another size are filled no further than they reach.
#pragma once

#include <clb/host.h>

#include <algorithm>
#include <clb/sdk/error.hpp>
#include <cstring>
#include <exception>
#include <filesystem>
#include <new>
#include <utility>

namespace clb::detail {

// Runs `body`; a PluginError or any other exception becomes a status, after the host was told. host may be NULL (describe). An error
// without a text passes on a failure of the host itself, which keeps its own words.
template <class Body>
clb_status guarded(const clb_host* host, Body&& body) noexcept {
  const auto tell = [host](clb_status status, const char* text, const char* file, int32_t line) {
    if (host && host->set_error && *text) host->set_error(host->self, status, text, file, line);
    return status;
  };
  try {
    std::forward<Body>(body)();
    return CLB_OK;
  } catch (const PluginError& error) {
    return tell(error.status(), error.what(), error.file(), error.line());
  } catch (const std::bad_alloc&) {
    return tell(CLB_E_NO_MEMORY, "out of memory", "", 0);
  } catch (const std::filesystem::filesystem_error& error) {
    return tell(CLB_E_IO, error.what(), "", 0);
  } catch (const std::exception& error) {
    return tell(CLB_E_INTERNAL, error.what(), "", 0);
  } catch (...) {
    return tell(CLB_E_INTERNAL, "an exception of an unknown type", "", 0);
  }
}

// What `from` says, as far as its allocator's struct reaches; the rest is zero (abi.h, rule 1).
template <class Struct>
Struct read_struct(const Struct* from) {
  Struct full{};
  std::memcpy(&full, from, std::min<size_t>(from->struct_size, sizeof full));
  return full;
}

// Copies `full` into `*to`, whose allocator wrote struct_size, as far as both reach (abi.h, rule 1).
template <class Struct>
void fill_struct(Struct* to, const Struct& full) {
  const uint32_t size = to->struct_size;
  std::memcpy(to, &full, std::min<size_t>(size, sizeof(Struct)));
  to->struct_size = size;
}

}  // namespace clb::detail
