// A file of feature vectors as the dataset features reads it.
#include <clb/base/error.hpp>

#include "features.cpp"
#include "memory_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) try {
  const clb::testing::MemoryFile memory(data, size);
  const FeatureFile file(memory.path());
  file.row(file.count() - 1);
  file.names("class_names");
  file.names("domain_names");
  return 0;
} catch (const clb::base::Error&) {
  return 0;
} catch (const clb::PluginError&) {
  return 0;
}
