/* Plugins that are nothing but metadata: what the launcher reads of one. FAKE_KIND, FAKE_ID and FAKE_VERSION come from CMake. */
#include <clb/meta.h>

__attribute__((visibility("default"), used, section(CLB_META_SECTION))) const clb_plugin_meta_t clb_plugin_meta = {
    .struct_size = sizeof(clb_plugin_meta_t),
    .kind = FAKE_KIND,
    .magic = CLB_META_MAGIC,
    .abi_major = CLB_ABI_MAJOR,
    .abi_minor = CLB_ABI_MINOR,
    .capabilities = FAKE_KIND == CLB_KIND_METHOD ? CLB_CAP_BITWISE | CLB_CAP_FROZEN_FEATURES : 0,
    .cxx11_abi = 2,
    .reserved = 0,
    .id = FAKE_ID,
    .version = FAKE_VERSION,
    .libtorch = "",
    .compiler = "a C compiler",
    .summary = "A plugin of the tests",
};
