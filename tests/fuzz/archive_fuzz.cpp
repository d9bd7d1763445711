// Archives: what is unpacked lies in the folder, and both passes agree on what is refused.
#include <unistd.h>

#include <clb/base/error.hpp>
#include <clb/fetch/unpack.hpp>
#include <cstdlib>
#include <string>

#include "memory_file.hpp"

namespace {

namespace fs = std::filesystem;

// A folder in a folder, so that what leaves the inner one is found in the outer one.
struct Place {
  Place() {
    std::string name = (fs::temp_directory_path() / "clb_fuzz_XXXXXX").string();
    if (!mkdtemp(name.data())) std::abort();
    outer = name;
    fs::create_directory(outer / "inner");
  }
  ~Place() {
    std::error_code ignored;
    fs::remove_all(outer, ignored);
  }
  fs::path outer;
};

constexpr clb::fetch::Limits kLimits{.entries = 100, .bytes = 1 << 20, .ratio = 200, .whatever_ratio = 1 << 16};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const clb::testing::MemoryFile file(data, size);
  try {
    clb::fetch::look_into(file.path(), kLimits);
  } catch (const clb::base::Error&) {
    return 0;
  }
  const Place place;
  try {
    clb::fetch::unpack(file.path(), place.outer / "inner", kLimits);
  } catch (const clb::base::Error&) {  // links through links, names that the disk does not take
  }
  size_t outside = 0;
  for (const auto& entry : fs::directory_iterator(place.outer)) outside += entry.path().filename() != "inner";
  if (outside > 0) std::abort();
  for (const auto& entry : fs::recursive_directory_iterator(place.outer / "inner"))
    if (entry.is_symlink() && fs::read_symlink(entry.path()).is_absolute()) std::abort();
  return 0;
}
