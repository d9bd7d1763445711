// Fills and defines clb_plugin_meta (clb/meta.h) at compile time: a text that does not fit or a bad id is a compile error.
#pragma once

#include <clb/meta.h>

#include <string_view>

namespace clb {

namespace detail {

template <size_t N>
consteval void fill_text(char (&to)[N], std::string_view text) {
  if (text.size() >= N) throw "a text of the plugin's `about` is too long for clb_plugin_meta_t";
  for (size_t i = 0; i < text.size(); ++i) to[i] = text[i];
}

// `text` cut at N - 1 bytes, not inside a UTF-8 sequence; for what only informs.
template <size_t N>
consteval void fill_cut_text(char (&to)[N], std::string_view text) {
  size_t size = text.size();
  if (size >= N) {
    size = N - 1;
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  }
  for (size_t i = 0; i < size; ++i) to[i] = text[i];
}

consteval bool is_id(std::string_view id) {
  if (id.empty() || id[0] < 'a' || id[0] > 'z') return false;
  for (char c : id) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return true;
}

}  // namespace detail

// libtorch: the version that the plugin is compiled against, "" when it uses none. summary: paper or source of the data.
consteval clb_plugin_meta_t make_meta(uint32_t kind, std::string_view id, std::string_view version, uint64_t capabilities,
                                      std::string_view libtorch, std::string_view summary) {
  clb_plugin_meta_t meta{};
  meta.struct_size = sizeof(meta);
  meta.kind = kind;
  detail::fill_text(meta.magic, CLB_META_MAGIC);
  meta.abi_major = CLB_ABI_MAJOR;
  meta.abi_minor = CLB_ABI_MINOR;
  meta.capabilities = capabilities;
  meta.cxx11_abi = _GLIBCXX_USE_CXX11_ABI;
  if (!detail::is_id(id)) throw "a plugin's id must look like [a-z][a-z0-9_]*";
  detail::fill_text(meta.id, id);
  detail::fill_text(meta.version, version);
  detail::fill_text(meta.libtorch, libtorch);
#ifdef __clang__
  detail::fill_cut_text(meta.compiler, __VERSION__);
#else
  detail::fill_cut_text(meta.compiler, "GCC " __VERSION__);
#endif
  detail::fill_cut_text(meta.summary, summary);
  return meta;
}

}  // namespace clb

// Defines the exported constant. The declaration before it gives a const object external linkage.
#define CLB_PLUGIN_META(...)                                                                                                        \
  extern "C" {                                                                                                                      \
  CLB_EXPORT extern const clb_plugin_meta_t clb_plugin_meta;                                                                        \
  __attribute__((section(CLB_META_SECTION), used)) constinit const clb_plugin_meta_t clb_plugin_meta = clb::make_meta(__VA_ARGS__); \
  }
