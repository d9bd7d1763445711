#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clb/base/error.hpp>
#include <clb/base/json.hpp>
#include <clb/base/plugin_meta.hpp>
#include <clb/base/sha256.hpp>
#include <cstddef>
#include <cstring>
#include <functional>

namespace clb::base {

namespace {

#if defined(__x86_64__)
constexpr uint16_t kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr uint16_t kMachine = EM_AARCH64;
#else
#error "add the ELF machine number of this processor"
#endif

// A file of foreign bytes, of which only a few ranges are ever read.
class ElfFile {
 public:
  using Read = std::function<void(uint64_t offset, void* to, size_t count)>;
  ElfFile(std::string name, uint64_t size, Read read) : name_(std::move(name)), size_(size), read_(std::move(read)) {}

  [[noreturn]] void fail(const std::string& problem) const { throw Error(name_ + ": " + problem); }

  void read(uint64_t offset, void* to, uint64_t count, const char* what) const {
    if (offset > size_ || count > size_ - offset) {
      fail(std::string(what) + " at offset " + std::to_string(offset) + " (" + std::to_string(count) + " bytes) lies outside the file of " +
           std::to_string(size_) + " bytes; it is truncated or damaged");
    }
    read_(offset, to, count);
  }

 private:
  std::string name_;
  uint64_t size_;
  Read read_;
};

Elf64_Ehdr elf_header(const ElfFile& file) {
  Elf64_Ehdr header;
  file.read(0, &header, sizeof(header), "the ELF header");
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) file.fail("is no shared library: offset 0 holds no ELF magic");
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_ident[EI_VERSION] != EV_CURRENT) {
    file.fail("is no 64-bit little-endian ELF file (offsets 4 to 6)");
  }
  if (header.e_type != ET_DYN) file.fail("is no shared library: the ELF type at offset 16 is " + std::to_string(header.e_type));
  if (header.e_machine != kMachine) {
    file.fail("is built for ELF machine " + std::to_string(header.e_machine) + ", wanted " + std::to_string(kMachine) +
              "; build the plugin for this processor");
  }
  if (header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shnum == 0 || header.e_shstrndx >= header.e_shnum) {
    file.fail("has no usable ELF section table (offsets 58 to 63)");
  }
  return header;
}

// Offset and size of the section CLB_META_SECTION.
Elf64_Shdr meta_section(const ElfFile& file) {
  const Elf64_Ehdr header = elf_header(file);
  std::vector<Elf64_Shdr> sections(header.e_shnum);
  file.read(header.e_shoff, sections.data(), sections.size() * sizeof(Elf64_Shdr), "the ELF section table");
  const Elf64_Shdr& names = sections[header.e_shstrndx];
  const std::string wanted = CLB_META_SECTION;
  for (const Elf64_Shdr& section : sections) {
    // The name with its NUL, read alone: the table of names of a large library is large too.
    std::string name(wanted.size() + 1, '\0');
    if (section.sh_type == SHT_NOBITS || section.sh_name > names.sh_size || names.sh_size - section.sh_name < name.size()) continue;
    if (section.sh_name > UINT64_MAX - names.sh_offset) continue;
    file.read(names.sh_offset + section.sh_name, name.data(), name.size(), "the table of section names");
    if (std::memcmp(name.data(), wanted.c_str(), name.size()) == 0) return section;
  }
  file.fail("is no clbench plugin: it has no section " CLB_META_SECTION);
}

template <size_t N>
std::string fixed_text(const ElfFile& file, const char (&bytes)[N], const char* field) {
  const char* end = std::find(bytes, bytes + N, '\0');
  if (end == bytes + N) file.fail(std::string("field ") + field + " of " CLB_META_SECTION " does not end in NUL; rebuild the plugin");
  for (const char* c = bytes; c != end; ++c) {
    if (static_cast<unsigned char>(*c) < 0x20 || *c == 0x7f) {
      file.fail(std::string("field ") + field + " of " CLB_META_SECTION " holds a control character; rebuild the plugin");
    }
  }
  return {bytes, end};
}

void check_id(const ElfFile& file, const std::string& id) {
  if (!is_plugin_id(id)) {
    file.fail("field id of " CLB_META_SECTION " must look like [a-z][a-z0-9_]*, found \"" + id + "\"; rename the plugin");
  }
}

PluginMeta read_meta(const ElfFile& file, const std::string& name) {
  const Elf64_Shdr section = meta_section(file);
  // An older plugin may lack the members that were appended later, down to what decides whether it can be loaded.
  constexpr uint64_t kLeast = offsetof(clb_plugin_meta_t, compiler);
  uint32_t struct_size = 0;
  if (section.sh_size < kLeast) {
    file.fail("section " CLB_META_SECTION " has " + std::to_string(section.sh_size) + " bytes, wanted at least " + std::to_string(kLeast));
  }
  file.read(section.sh_offset, &struct_size, sizeof(struct_size), "section " CLB_META_SECTION);
  if (struct_size < kLeast || struct_size > section.sh_size) {
    file.fail("field struct_size of " CLB_META_SECTION " is " + std::to_string(struct_size) + ", wanted " + std::to_string(kLeast) +
              " to " + std::to_string(section.sh_size) + "; rebuild the plugin");
  }
  clb_plugin_meta_t raw{};
  file.read(section.sh_offset, &raw, std::min<uint64_t>(struct_size, sizeof(raw)), "section " CLB_META_SECTION);
  if (std::memcmp(raw.magic, CLB_META_MAGIC, sizeof(raw.magic)) != 0) {
    file.fail("field magic of " CLB_META_SECTION " is not " CLB_META_MAGIC "; rebuild the plugin with clbench's SDK");
  }
  if (raw.kind != CLB_KIND_METHOD && raw.kind != CLB_KIND_DATASET) {
    file.fail("field kind of " CLB_META_SECTION " is " + std::to_string(raw.kind) +
              ", wanted 1 (method) or 2 (dataset); rebuild the plugin with clbench's SDK");
  }
  PluginMeta meta;
  meta.file = name;
  meta.kind = raw.kind == CLB_KIND_METHOD ? "method" : "dataset";
  meta.id = fixed_text(file, raw.id, "id");
  check_id(file, meta.id);
  meta.version = fixed_text(file, raw.version, "version");
  meta.libtorch = fixed_text(file, raw.libtorch, "libtorch");
  meta.compiler = fixed_text(file, raw.compiler, "compiler");
  meta.summary = fixed_text(file, raw.summary, "summary");
  meta.abi_major = raw.abi_major;
  meta.abi_minor = raw.abi_minor;
  meta.cxx11_abi = raw.cxx11_abi;
  meta.capabilities = raw.capabilities;
  return meta;
}

std::string abi_text(uint32_t major, uint32_t minor) { return std::to_string(major) + "." + std::to_string(minor); }

// "2.11.0+cpu" -> "2.11"
std::string major_minor(const std::string& version) {
  const size_t first = version.find('.');
  if (first == std::string::npos) return version;
  return version.substr(0, version.find_first_not_of("0123456789", first + 1));
}

bool abi_loads(const PluginMeta& meta) {
  if (meta.abi_major != CLB_ABI_MAJOR) return false;
  // The first branch goes once the ABI is frozen as 1.
  return CLB_ABI_MAJOR == 0 ? meta.abi_minor == CLB_ABI_MINOR : meta.abi_minor <= CLB_ABI_MINOR;
}

}  // namespace

PluginMeta parse_plugin_meta(std::span<const uint8_t> elf, const std::string& name) {
  const ElfFile file(name, elf.size(), [elf](uint64_t offset, void* to, size_t n) { std::memcpy(to, elf.data() + offset, n); });
  return read_meta(file, name);
}

bool is_plugin_id(std::string_view text) {
  return !text.empty() && text[0] >= 'a' && text[0] <= 'z' && text.size() < sizeof(clb_plugin_meta_t::id) &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

PluginMeta read_plugin_meta(const std::filesystem::path& path) {
  const std::string name = path.string();
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw Error(name + ": cannot be opened for reading: " + std::strerror(errno));
  struct Closer {
    int fd;
    ~Closer() { close(fd); }
  } closer{fd};
  struct stat status;
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) throw Error(name + ": is no regular file");
  const ElfFile file(name, static_cast<uint64_t>(status.st_size), [&](uint64_t offset, void* to, size_t n) {
    if (pread(fd, to, n, static_cast<off_t>(offset)) != static_cast<ssize_t>(n)) {
      throw Error(name + ": cannot be read at offset " + std::to_string(offset));
    }
  });
  return read_meta(file, name);
}

std::string mismatch(const PluginMeta& meta, const std::string& wanted_kind, const std::string& libtorch) {
  const std::string file = meta.file.string();
  if (meta.kind != wanted_kind) {
    return file + ": kind: wanted " + wanted_kind + ", found " + meta.kind + "; give it where a " + meta.kind + " belongs";
  }
  if (!abi_loads(meta)) {
    return file + ": ABI: wanted " + abi_text(CLB_ABI_MAJOR, CLB_ABI_MINOR) + ", found " + abi_text(meta.abi_major, meta.abi_minor) +
           "; rebuild the plugin with the headers of this clbench";
  }
  constexpr uint32_t kNoStrings = 2;
  if (meta.cxx11_abi != _GLIBCXX_USE_CXX11_ABI && meta.cxx11_abi != kNoStrings) {
    return file + ": C++11 ABI: wanted " + std::to_string(_GLIBCXX_USE_CXX11_ABI) + ", found " + std::to_string(meta.cxx11_abi) +
           "; rebuild the plugin with -D_GLIBCXX_USE_CXX11_ABI=" + std::to_string(_GLIBCXX_USE_CXX11_ABI);
  }
  if (!libtorch.empty() && !meta.libtorch.empty() && major_minor(meta.libtorch) != major_minor(libtorch)) {
    return file + ": LibTorch: wanted " + major_minor(libtorch) + ", found " + meta.libtorch + "; rebuild the plugin against LibTorch " +
           libtorch;
  }
  return "";
}

std::string plugin_identity(const std::string& file_sha256, const std::vector<std::string>& source_sha256, const std::string& versions) {
  if (source_sha256.empty() && versions.empty()) return file_sha256;
  Json parts{{"plugin", file_sha256}, {"sources", source_sha256}};
  if (!versions.empty()) parts["versions"] = versions;
  return hex(sha256(canonical(parts)));
}

namespace {

constexpr const char* kCapabilities[] = {
    "task_id_train",   "task_id_test", "knows_horizon", "text_tower", "raw_replay", "statistics_only", "frozen_features",
    "batch_dependent", "stochastic",   "external_data", "bitwise",    "bf16",       "zero_shot"};

}  // namespace

std::vector<std::string> known_capabilities() { return {std::begin(kCapabilities), std::end(kCapabilities)}; }

uint64_t capability_bit(std::string_view name) {
  for (unsigned bit = 0; bit < std::size(kCapabilities); ++bit)
    if (name == kCapabilities[bit]) return uint64_t{1} << bit;
  return 0;
}

std::vector<std::string> capability_names(uint64_t bits) {
  std::vector<std::string> names;
  for (unsigned bit = 0; bit < 64; ++bit) {
    if (!(bits >> bit & 1)) continue;
    names.push_back(bit < std::size(kCapabilities) ? kCapabilities[bit] : "unknown_" + std::to_string(bit));
  }
  return names;
}

}  // namespace clb::base
