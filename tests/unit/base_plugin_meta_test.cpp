#include <elf.h>
#include <gtest/gtest.h>

#include <clb/base/error.hpp>
#include <clb/base/plugin_meta.hpp>
#include <cstddef>
#include <cstring>
#include <functional>

#include "damage.hpp"
#include "errors.hpp"
#include "temp_folder.hpp"

namespace clb::base {
namespace {

using testing::contains;
using testing::error_of;

clb_plugin_meta_t good_meta() {
  clb_plugin_meta_t meta{};
  meta.struct_size = sizeof(meta);
  meta.kind = CLB_KIND_METHOD;
  std::memcpy(meta.magic, CLB_META_MAGIC, sizeof(meta.magic));
  meta.abi_major = CLB_ABI_MAJOR;
  meta.abi_minor = CLB_ABI_MINOR;
  meta.capabilities = CLB_CAP_BF16 | CLB_CAP_FROZEN_FEATURES;
  meta.cxx11_abi = _GLIBCXX_USE_CXX11_ABI;
  std::strcpy(meta.id, "simplecil");
  std::strcpy(meta.version, "1.2.3");
  std::strcpy(meta.libtorch, "2.11.0");
  std::strcpy(meta.compiler, "GCC 12");
  std::strcpy(meta.summary, "a paper");
  return meta;
}

// The smallest shared library with a metadata section: ELF header, section bytes, names, section table.
std::string elf_with(const clb_plugin_meta_t& meta, size_t meta_size = sizeof(clb_plugin_meta_t)) {
  const std::string names("\0.shstrtab\0.clb.meta\0", 21);
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_DYN;
#if defined(__x86_64__)
  header.e_machine = EM_X86_64;
#else
  header.e_machine = EM_AARCH64;
#endif
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 3;
  header.e_shstrndx = 1;
  header.e_shoff = sizeof(header) + meta_size + names.size();
  Elf64_Shdr sections[3]{};
  sections[1].sh_type = SHT_STRTAB;
  sections[1].sh_name = 1;
  sections[1].sh_offset = sizeof(header) + meta_size;
  sections[1].sh_size = names.size();
  sections[2].sh_type = SHT_PROGBITS;
  sections[2].sh_name = 11;
  sections[2].sh_offset = sizeof(header);
  sections[2].sh_size = meta_size;
  const auto bytes = [](const auto* object, size_t size) { return std::string(reinterpret_cast<const char*>(object), size); };
  return bytes(&header, sizeof(header)) + bytes(&meta, meta_size) + names + bytes(sections, sizeof(sections));
}

PluginMeta parse(const std::string& bytes) {
  const std::vector<uint8_t> exact(bytes.begin(), bytes.end());
  return parse_plugin_meta(exact, "p.so");
}

std::string refusal(const std::function<void(clb_plugin_meta_t&)>& change) {
  clb_plugin_meta_t meta = good_meta();
  change(meta);
  return error_of<Error>([&] { parse(elf_with(meta)); });
}

TEST(PluginMeta, ReadsEveryField) {
  const PluginMeta meta = parse(elf_with(good_meta()));
  EXPECT_EQ(meta.kind, "method");
  EXPECT_EQ(meta.id, "simplecil");
  EXPECT_EQ(meta.version, "1.2.3");
  EXPECT_EQ(meta.libtorch, "2.11.0");
  EXPECT_EQ(meta.compiler, "GCC 12");
  EXPECT_EQ(meta.summary, "a paper");
  EXPECT_EQ(capability_names(meta.capabilities), (std::vector<std::string>{"frozen_features", "bf16"}));
  EXPECT_EQ(mismatch(meta, "method", "2.11.0"), "");
}

TEST(PluginMeta, OlderStructWithoutTheLastMembersIsRead) {
  clb_plugin_meta_t meta = good_meta();
  meta.struct_size = offsetof(clb_plugin_meta_t, summary);
  const PluginMeta read = parse(elf_with(meta, offsetof(clb_plugin_meta_t, summary)));
  EXPECT_EQ(read.compiler, "GCC 12");
  EXPECT_EQ(read.summary, "");
}

TEST(PluginMeta, EveryTruncationIsAnError) {
  testing::for_each_truncation(elf_with(good_meta()), [](const std::string& bytes, size_t size) {
    EXPECT_TRUE(error_of<Error>([&] { parse(bytes); }).starts_with("p.so: ")) << size;
  });
}

TEST(PluginMeta, EveryBitFlipParsesOrIsAnError) {
  const std::string file = elf_with(good_meta());
  testing::for_each_bit_flip(file, 0, file.size(), [](const std::string& bytes, size_t at, int bit) {
    try {
      const std::string text = mismatch(parse(bytes), "method", "2.11.0");
      EXPECT_TRUE(text.empty() || text.starts_with("p.so: ")) << at << " " << bit;
    } catch (const Error& error) {
      EXPECT_TRUE(std::string(error.what()).starts_with("p.so: ")) << at << " " << bit;
    }
  });
}

TEST(PluginMeta, EveryFieldHasItsSentence) {
  EXPECT_TRUE(contains(error_of<Error>([] { parse(std::string(2000, 'x')); }), "no ELF magic"));
  EXPECT_TRUE(contains(refusal([](auto& m) { m.magic[0] = 'X'; }), "field magic"));
  EXPECT_TRUE(contains(refusal([](auto& m) { m.kind = 3; }), "field kind"));
  EXPECT_TRUE(contains(refusal([](auto& m) { m.struct_size = 8; }), "field struct_size"));
  EXPECT_TRUE(contains(refusal([](auto& m) { m.struct_size = 1 << 20; }), "field struct_size"));
  EXPECT_TRUE(contains(refusal([](auto& m) { std::memset(m.version, 'v', sizeof(m.version)); }), "field version"));
  EXPECT_TRUE(contains(refusal([](auto& m) { m.summary[0] = '\n'; }), "field summary"));
  EXPECT_TRUE(contains(refusal([](auto& m) { m.id[0] = 'S'; }), "field id"));
  EXPECT_TRUE(contains(refusal([](auto& m) { m.id[0] = 0; }), "field id"));
  std::string other = elf_with(good_meta());
  other.replace(other.find(".clb.meta"), 9, ".clb.mete");
  EXPECT_TRUE(contains(error_of<Error>([&] { parse(other); }), "no section .clb.meta"));
}

TEST(PluginMeta, EveryMismatchNamesFieldWantedFoundAndRemedy) {
  const auto text = [](const std::function<void(PluginMeta&)>& change, const std::string& kind = "method") {
    PluginMeta meta = parse(elf_with(good_meta()));
    change(meta);
    return mismatch(meta, kind, "2.11.0");
  };
  EXPECT_TRUE(contains(text([](PluginMeta&) {}, "dataset"), "p.so: kind: wanted dataset, found method; "));
  EXPECT_TRUE(contains(text([](PluginMeta& m) { m.abi_minor += 1; }), "ABI: wanted 0.6, found 0.7; rebuild"));
  EXPECT_TRUE(contains(text([](PluginMeta& m) { m.abi_major = 1; }), "ABI: wanted 0.6, found 1.6; rebuild"));
  EXPECT_TRUE(contains(text([](PluginMeta& m) { m.cxx11_abi = 0; }), "C++11 ABI: wanted 1, found 0; rebuild"));
  EXPECT_TRUE(contains(text([](PluginMeta& m) { m.libtorch = "2.10.1"; }), "LibTorch: wanted 2.11, found 2.10.1; rebuild"));
  EXPECT_EQ(text([](PluginMeta& m) { m.libtorch = "2.11.3+cpu"; }), "");
  EXPECT_EQ(text([](PluginMeta& m) { m.libtorch = ""; }), "");
  EXPECT_EQ(text([](PluginMeta& m) { m.cxx11_abi = 2; }), "");
}

TEST(PluginMeta, ClbenchWithoutLibTorchSkipsThatField) {
  PluginMeta meta = parse(elf_with(good_meta()));
  meta.libtorch = "1.0.0";
  EXPECT_EQ(mismatch(meta, "method", ""), "");
}

TEST(PluginMeta, ReadsARealPlugin) {
  const PluginMeta meta = read_plugin_meta(CLB_TEST_DATASET);
  EXPECT_EQ(meta.kind, "dataset");
  EXPECT_EQ(meta.id, "fashion_mnist");
  EXPECT_EQ(meta.libtorch, "");
  EXPECT_EQ(mismatch(meta, "dataset", "2.11.0"), "");
}

TEST(PluginMeta, RefusesWhatIsNoFile) {
  const testing::TempFolder folder;
  EXPECT_THROW(read_plugin_meta(folder.path()), Error);
  EXPECT_TRUE(contains(error_of<Error>([&] { read_plugin_meta(folder.path() / "none.so"); }), "none.so"));
  EXPECT_TRUE(contains(error_of<Error>([&] { read_plugin_meta(folder.write("a.so", "#!/bin/sh")); }), "ELF header"));
}

TEST(PluginMeta, UnknownCapabilitiesAreShown) {
  EXPECT_EQ(capability_names(uint64_t{1} << 40), (std::vector<std::string>{"unknown_40"}));
  EXPECT_TRUE(capability_names(0).empty());
}

}  // namespace
}  // namespace clb::base
