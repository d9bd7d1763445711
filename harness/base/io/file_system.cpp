#include <sys/vfs.h>

#include <array>
#include <clb/base/file_system.hpp>
#include <cstdio>

namespace clb::base {

namespace {

struct Kind {
  uint32_t magic;
  const char* name;
};

// linux/magic.h, statfs(2), and GNU coreutils' stat for those outside the kernel.
constexpr std::array kLocal{
    Kind{0xEF53, "ext4"},         Kind{0x58465342, "xfs"},      Kind{0x9123683E, "btrfs"}, Kind{0x01021994, "tmpfs"},
    Kind{0x858458F6, "ramfs"},    Kind{0x794C7630, "overlay"},  Kind{0x2FC12FC1, "zfs"},   Kind{0xF2F52010, "f2fs"},
    Kind{0xCA451A4E, "bcachefs"}, Kind{0x4D44, "vfat"},         Kind{0x2011BAB0, "exfat"}, Kind{0x5346544E, "ntfs"},
    Kind{0x7366746E, "ntfs3"},    Kind{0x482B, "hfsplus"},      Kind{0x3153464A, "jfs"},   Kind{0x52654973, "reiserfs"},
    Kind{0x3434, "nilfs2"},       Kind{0x15013346, "udf"},      Kind{0xF15F, "ecryptfs"},  Kind{0x61756673, "aufs"},
    Kind{0x9660, "iso9660"},      Kind{0x73717368, "squashfs"}, Kind{0xE0F5E1E2, "erofs"}, Kind{0x28CD3D45, "cramfs"},
};
constexpr std::array kShared{
    Kind{0x6969, "nfs"},       Kind{0x0BD00BD0, "lustre"}, Kind{0x47504653, "gpfs"},   Kind{0x19830326, "beegfs"}, Kind{0xFF534D42, "cifs"},
    Kind{0xFE534D42, "smb2"},  Kind{0x517B, "smb"},        Kind{0x65735546, "fuse"},   Kind{0x00C36400, "ceph"},   Kind{0x01021997, "9p"},
    Kind{0x5346414F, "afs"},   Kind{0x6B414653, "afs"},    Kind{0x73757245, "coda"},   Kind{0x7461636F, "ocfs2"},  Kind{0x01161970, "gfs2"},
    Kind{0xAAD7AAEA, "panfs"}, Kind{0x20030528, "pvfs2"},  Kind{0xBEEFDEAD, "snfs"},   Kind{0xA501FCF5, "vxfs"},   Kind{0x61636673, "acfs"},
    Kind{0x013111A8, "ibrix"}, Kind{0x786F4256, "vboxsf"}, Kind{0xBACBACBC, "vmhgfs"}, Kind{0x7C7C6673, "prl_fs"}, Kind{0x564C, "ncp"},
};

}  // namespace

FileSystem file_system(int64_t magic) {
  const auto bits = static_cast<uint32_t>(magic);  // f_type is signed, and of 32 bits in some places
  for (const Kind& kind : kLocal)
    if (kind.magic == bits) return {kind.name, true};
  for (const Kind& kind : kShared)
    if (kind.magic == bits) return {kind.name, false};
  char text[32];
  std::snprintf(text, sizeof text, "unknown (0x%x)", bits);
  return {text, false};
}

FileSystem file_system_of(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::path at = std::filesystem::absolute(path, error);
  for (;; at = at.parent_path()) {
    struct statfs status {};
    if (statfs(at.c_str(), &status) == 0) return file_system(static_cast<int64_t>(status.f_type));
    if (at == at.parent_path()) return {"unknown", false};
  }
}

}  // namespace clb::base
