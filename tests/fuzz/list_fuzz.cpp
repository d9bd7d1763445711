// Lists of images as text, plain, gzip or xz, and as YAML: whatever they say, no path may leave its folder.
#include <clb/sdk/split_list.hpp>
#include <cstdlib>

#include "memory_file.hpp"

template <class Read>
void attempt(Read read) try {
  for (const clb::ListedFile& file : read())
    if (file.path.empty() || file.path.front() == '/' || ("/" + file.path + "/").find("/../") != std::string::npos) std::abort();
} catch (const clb::PluginError&) {
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const clb::testing::MemoryFile file(data, size);
  for (const auto columns : {clb::ListColumns::kPath, clb::ListColumns::kPathLabel, clb::ListColumns::kTabs})
    attempt([&] { return clb::read_list(file.path(), clb::Split::kTrain, columns); });
  attempt([&] { return clb::read_yaml_list(file.path(), clb::Split::kTest); });
  return 0;
}
