// The two kinds of files that the dataset cifar100 reads: records, and names of classes.
#include "cifar100.cpp"
#include "memory_file.hpp"

template <class Read>
void attempt(Read read) try {
  read();
} catch (const clb::PluginError&) {
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto names = clb::split_names(Cifar100::about.classes);
  const clb::testing::MemoryFile file(data, size);
  attempt([&] { read_records(file.path(), 2); });
  attempt([&] { clb::require_cifar_names(file.path(), names); });
  return 0;
}
