#include <algorithm>
#include <array>
#include <clb/base/foreign_format.hpp>
#include <string_view>

namespace clb::base {

namespace {

struct Format {
  std::string_view magic;
  const char* what;
};

using std::string_view_literals::operator""sv;

constexpr std::array kFormats{
    Format{"\x80\x02"sv, "is a Python pickle, as PyTorch saved its files before 1.6"},
    Format{"\x80\x03"sv, "is a Python pickle"},
    Format{"\x80\x04"sv, "is a Python pickle"},
    Format{"\x80\x05"sv, "is a Python pickle"},
    Format{"\x89HDF\r\n\x1a\n"sv, "is an HDF5 file, as Keras saves them"},
    Format{"\x93NUMPY"sv, "is a NumPy array (.npy)"},
    Format{"GGUF"sv, "is a GGUF file"},
    Format{"\x1f\x8b"sv, "is packed with gzip; unpack it"},
    Format{"\xfd"
           "7zXZ\0"sv,
           "is packed with xz; unpack it"},
    Format{"BZh"sv, "is packed with bzip2; unpack it"},
    Format{"\x28\xb5\x2f\xfd"sv, "is packed with zstd; unpack it"},
    Format{"\x89PNG\r\n\x1a\n"sv, "is a PNG image"},
    Format{"\xff\xd8\xff"sv, "is a JPEG image"},
    Format{"GIF8"sv, "is a GIF image"},
    Format{"BM"sv, "is a BMP image"},
    Format{"II*\0"sv, "is a TIFF image"},
    Format{"MM\0*"sv, "is a TIFF image"},
};

std::string_view text_of(std::span<const uint8_t> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// A zip archive says nothing of what it is for; the name of its first member does.
std::string zip_format(std::string_view text) {
  const std::string_view member = text.substr(0, 200);
  if (member.find("data.pkl") != member.npos || member.find("/version") != member.npos || member.find(".format_version") != member.npos)
    return "is a PyTorch file (a zip archive with a pickle)";
  if (member.find(".npy") != member.npos) return "is a NumPy archive (.npz)";
  return "is a zip archive";
}

bool is_web_page(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  text.remove_prefix(std::min(text.size(), text.find_first_not_of(" \t\r\n")));
  std::string begin(text.substr(0, 14));
  std::transform(begin.begin(), begin.end(), begin.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return begin.starts_with("<!doctype html") || begin.starts_with("<html") || begin.starts_with("<?xml");
}

// Safetensors begin with the length of their header, whose first bytes may be those of any other format.
bool is_safetensors(std::string_view text) { return text.size() > 8 && text[8] == '{' && text.substr(4, 4) == "\0\0\0\0"sv; }

}  // namespace

std::string stand_in(std::span<const uint8_t> begin) {
  const std::string_view text = text_of(begin);
  if (text.starts_with("version https://git-lfs.") || text.starts_with("version https://hawser."))
    return "is a Git-LFS pointer, which only stands for the file; `git lfs pull` in its repository fetches the file itself";
  if (text.starts_with("/annex/objects/"))
    return "is a git-annex pointer, which only stands for the file; `git annex get` in its repository fetches the file itself";
  if (is_web_page(text)) return "is a web page, as a download that failed leaves it; download the file again";
  return "";
}

std::string foreign_format(std::span<const uint8_t> begin) {
  if (std::string said = stand_in(begin); !said.empty()) return said;
  const std::string_view text = text_of(begin);
  if (is_safetensors(text)) return "";
  if (text.starts_with("PK\x03\x04")) return zip_format(text);
  if (text.starts_with("RIFF") && text.substr(0, 16).find("WEBP") != text.npos) return "is a WebP image";
  for (const Format& format : kFormats)
    if (text.starts_with(format.magic)) return format.what;
  if (text.size() >= 262 && text.substr(257, 5) == "ustar") return "is a tar archive; unpack it";
  return "";
}

}  // namespace clb::base
