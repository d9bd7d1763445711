#include "clb/text/clip_tokens.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <clb/base/error.hpp>
#include <clb/text/clean.hpp>
#include <clb/text/unicode.hpp>
#include <unordered_map>

namespace clb::text {
namespace {

constexpr size_t kClipMerges = 49152 - 256 - 2;  // of the file's lines behind the first one
constexpr size_t kMostBytes = size_t{64} << 20;
constexpr std::string_view kEndOfWord = "</w>";

std::string unpacked(std::span<const uint8_t> file, const std::string& name) {
  if (file.size() < 2 || file[0] != 0x1F || file[1] != 0x8B) return {reinterpret_cast<const char*>(file.data()), file.size()};
  z_stream stream{};
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) throw base::Error(name + ": zlib cannot start", base::Exit::kInternal);
  stream.next_in = const_cast<Bytef*>(file.data());
  stream.avail_in = static_cast<uInt>(file.size());
  std::string text;
  std::array<char, 1 << 16> part;
  int state = Z_OK;
  while (state == Z_OK && text.size() < kMostBytes) {
    stream.next_out = reinterpret_cast<Bytef*>(part.data());
    stream.avail_out = part.size();
    state = inflate(&stream, Z_NO_FLUSH);
    text.append(part.data(), part.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (state != Z_STREAM_END) throw base::Error(name + ": the gzip file is damaged or cut short; get it again");
  return text;
}

// How many pairs follow. A title that ends in "N merges" says so; CLIP's does not, and its file has more lines than CLIP uses.
size_t merges_of(std::string_view title) {
  constexpr std::string_view kEnd = " merges";
  if (!title.ends_with(kEnd)) return kClipMerges;
  title.remove_suffix(kEnd.size());
  const std::string_view digits = title.substr(title.find_last_of(' ') + 1);
  size_t count = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9' || count > kClipMerges) return kClipMerges;
    count = 10 * count + static_cast<size_t>(digit - '0');
  }
  return digits.empty() ? kClipMerges : count;
}

// The printable character that the vocabulary writes for a byte, in UTF-8.
std::array<std::string, 256> symbols_of_bytes(std::vector<std::string>& in_order) {
  std::array<std::string, 256> symbols;
  const auto printable = [](unsigned b) { return (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || (b >= 0xAE && b <= 0xFF); };
  char32_t next = 0x100;
  std::vector<std::string> others;
  for (unsigned b = 0; b < 256; ++b) {
    const char32_t c = printable(b) ? b : next++;
    symbols[b] = encode_utf8({&c, 1});
    (printable(b) ? in_order : others).push_back(symbols[b]);
  }
  in_order.insert(in_order.end(), others.begin(), others.end());
  return symbols;
}

bool same_letter(char32_t c, char32_t letter) { return c == letter || (c == 0x17F && letter == 's'); }  // the long s is an s, too

// The length of the first word of a cleaned text; 0: there is none, its first character is left out.
size_t word_length(std::u32string_view text) {
  for (const std::u32string_view special : {U"<|startoftext|>", U"<|endoftext|>", U"'s", U"'t", U"'re", U"'ve", U"'m", U"'ll", U"'d"})
    if (text.size() >= special.size() &&
        std::equal(special.begin(), special.end(), text.begin(), [](char32_t a, char32_t b) { return same_letter(b, a); }))
      return special.size();
  // The iota subscript is no letter, but its capital is one: with the reference's IGNORECASE it belongs to no word and is left out.
  constexpr char32_t kIotaSubscript = 0x345;
  const auto other = [](char32_t c) { return !is_space(c) && !is_letter(c) && !is_number(c) && c != kIotaSubscript; };
  if (is_number(text[0])) return 1;
  size_t length = 0;
  if (is_letter(text[0]))
    while (length < text.size() && is_letter(text[length])) ++length;
  else
    while (length < text.size() && other(text[length])) ++length;
  return length;
}

}  // namespace

struct ClipTokens::Table {
  std::array<std::string, 256> of_byte;
  std::unordered_map<std::string, size_t> rank;  // "first second"
  std::unordered_map<std::string, int64_t> id;
  int64_t size = 0;

  void add(const std::string& symbol) { id[symbol] = size++; }

  // Pairs are united by rank, all places of the lowest in each round.
  std::vector<std::string> united(std::vector<std::string> parts) const {
    for (;;) {
      size_t best = rank.size(), at = parts.size();
      for (size_t i = 0; i + 1 < parts.size(); ++i) {
        const auto found = rank.find(parts[i] + " " + parts[i + 1]);
        if (found != rank.end() && found->second < best) {
          best = found->second;
          at = i;
        }
      }
      if (at == parts.size()) return parts;
      const std::string first = parts[at], second = parts[at + 1];
      std::vector<std::string> next;
      for (size_t i = 0; i < parts.size(); ++i) {
        const bool here = parts[i] == first && i + 1 < parts.size() && parts[i + 1] == second;
        next.push_back(here ? first + second : parts[i]);
        i += here;
      }
      parts = std::move(next);
    }
  }
};

ClipTokens::ClipTokens(std::span<const uint8_t> vocabulary, const std::string& name) {
  auto table = std::make_shared<Table>();
  std::vector<std::string> bytes;
  table->of_byte = symbols_of_bytes(bytes);
  for (const std::string& symbol : bytes) table->add(symbol);
  for (const std::string& symbol : bytes) table->add(symbol + std::string(kEndOfWord));
  const std::string text = unpacked(vocabulary, name);
  size_t begin = text.find('\n');  // the first line is a title
  const size_t merges = merges_of(std::string_view(text).substr(0, begin));
  for (size_t k = 0; k < merges; ++k) {
    const size_t line = begin + 1, end = begin == text.npos ? text.npos : text.find('\n', line);
    const size_t space = end == text.npos ? text.npos : text.find(' ', line);
    if (end == text.npos || space >= end || space == line || space + 1 == end || text.find(' ', space + 1) < end)
      throw base::Error(
          name + ": line " + std::to_string(k + 2) + " is no pair of symbols; a vocabulary has " + std::to_string(merges) +
          " of them behind its first line" +
          (merges == kClipMerges ? ", as bpe_simple_vocab_16e6.txt.gz of openai/CLIP, unless that line ends in \"N merges\"" : ""));
    table->rank.try_emplace(text.substr(line, end - line), k);
    table->add(text.substr(line, space - line) + text.substr(space + 1, end - space - 1));
    begin = end;
  }
  table->add("<|startoftext|>");
  table->add("<|endoftext|>");
  table_ = std::move(table);
}

int64_t ClipTokens::size() const { return table_->size; }

std::vector<int64_t> ClipTokens::encode(std::string_view text) const {
  std::vector<int64_t> ids;
  const std::u32string cleaned = clip_clean(decode_utf8(text));
  for (std::u32string_view rest = cleaned; !rest.empty();) {
    const size_t length = word_length(rest);
    const std::string word = encode_utf8(rest.substr(0, length));
    rest.remove_prefix(std::max<size_t>(1, length));
    if (word.empty()) continue;
    if (word == "<|startoftext|>" || word == "<|endoftext|>") {
      ids.push_back(word == "<|endoftext|>" ? end() : start());
      continue;
    }
    std::vector<std::string> symbols;
    for (const char byte : word) symbols.push_back(table_->of_byte[static_cast<uint8_t>(byte)]);
    symbols.back() += kEndOfWord;
    for (const std::string& symbol : table_->united(std::move(symbols))) ids.push_back(table_->id.at(symbol));
  }
  return ids;
}

std::vector<int64_t> ClipTokens::row(std::string_view text, int64_t context, TooLong too_long) const {
  std::vector<int64_t> ids = encode(text);
  ids.insert(ids.begin(), start());
  ids.push_back(end());
  const auto most = static_cast<size_t>(context);
  if (ids.size() > most && too_long == TooLong::kError)
    throw base::Error("a text has " + std::to_string(ids.size()) + " tokens, more than the " + std::to_string(context) +
                      " that the text tower takes: \"" + std::string(text.substr(0, 60)) + (text.size() > 60 ? "..." : "") +
                      "\"; shorten it or cut it");
  const bool cut = ids.size() > most;
  ids.resize(most, 0);
  if (cut && most > 0) ids.back() = end();
  return ids;
}

}  // namespace clb::text
