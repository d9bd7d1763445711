// CLIP's tokeniser: lower-cased byte pair encoding (Sennrich et al., ACL 2016) with the vocabulary of openai/CLIP, commit d05afc4.
//
//   const base::MappedFile file(path);  // bpe_simple_vocab_16e6.txt.gz, which ships as share/clbench/assets/clip_bpe/
//   const text::ClipTokens tokens(file.bytes(), path);
//   tokens.row("a photo of a cat.");    // 49406 320 1125 539 320 2368 269 49407 0 0 ... 0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace clb::text {

class ClipTokens {
 public:
  // The vocabulary file's bytes, gzip or plain: a title, then pairs, as many as CLIP has or, where the title ends in "N merges", N. `name`
  // opens the sentence of the base::Error that a damaged file causes.
  ClipTokens(std::span<const uint8_t> vocabulary, const std::string& name);

  int64_t start() const { return size() - 2; }  // CLIP's: 49406
  int64_t end() const { return size() - 1; }    // CLIP's: 49407; always the largest id
  int64_t size() const;                         // ids that there are

  // A text in UTF-8, cleaned (see clean.hpp), without start and end. base::Error: not UTF-8.
  std::vector<int64_t> encode(std::string_view text) const;

  // start, the text, end, and 0 up to `context` ids. A text that is longer is a base::Error that says how long it is, or is cut, its last
  // id then being the end.
  enum class TooLong { kError, kCut };
  std::vector<int64_t> row(std::string_view text, int64_t context = 77, TooLong too_long = TooLong::kError) const;

 private:
  struct Table;
  std::shared_ptr<const Table> table_;
};

}  // namespace clb::text
