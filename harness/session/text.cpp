#include <clb/meta.h>

#include <clb/sdk/error.hpp>
#include <clb/sdk/sentence.hpp>
#include <clb/session/text.hpp>
#include <cstring>

#include "invalid.hpp"

namespace clb::session {
namespace {

using TooLong = features::TextFeatures::TooLong;

constexpr int64_t kMostSentences = int64_t{1} << 24;
constexpr size_t kLongest = 1 << 16;  // bytes of a sentence

std::vector<std::string> texts_of(const clb_sentences& sentences) {
  if (sentences.count < 0 || sentences.count > kMostSentences || (sentences.texts == nullptr && sentences.count > 0))
    invalid("there are 0 to 16777216 sentences at a time, and texts is not NULL");
  std::vector<std::string> texts;
  texts.reserve(static_cast<size_t>(sentences.count));
  for (int64_t k = 0; k < sentences.count; ++k) {
    const char* text = sentences.texts[k];
    if (text == nullptr) invalid("sentence " + std::to_string(k) + " is NULL");
    texts.emplace_back(text, strnlen(text, kLongest));
  }
  return texts;
}

TooLong too_long(const clb_sentences& sentences) {
  if ((sentences.flags & ~CLB_TEXT_CUT) != 0) invalid("sentences have the flags CLB_TEXT_*");
  return (sentences.flags & CLB_TEXT_CUT) != 0 ? TooLong::kCut : TooLong::kError;
}

}  // namespace

const char* name_of_class(const Session& s, int64_t position) {
  const bool zero_shot = (s.spec.method.capabilities & CLB_CAP_ZERO_SHOT) != 0;
  const int64_t known = zero_shot ? s.protocol.class_count() : s.task < 0 ? 0 : s.protocol.classes_seen(s.task);
  if (position < 0 || position >= known)
    throw PluginError(CLB_E_INVALID,
                      "class " + std::to_string(position) + " is asked for by name, but " +
                          (zero_shot ? "there are " : "without zero_shot only those seen have one: ") + std::to_string(known),
                      "", 0);
  return s.spec.text.names.at(static_cast<size_t>(s.protocol.original(position))).c_str();
}

torch::Tensor token_rows(Session& s, const std::string& role, const clb_sentences& sentences) {
  return s.text.tokens(role, texts_of(sentences), too_long(sentences)).to(s.device);
}

torch::Tensor sentence_rows(Session& s, const std::string& role, const clb_sentences& sentences) {
  return s.text.rows(role, texts_of(sentences), too_long(sentences)).to(s.device);
}

torch::Tensor class_rows(Session& s, const std::string& role, const std::string& sentence, std::span<const int64_t> positions) {
  std::vector<int64_t> originals;
  for (const int64_t position : positions) {
    name_of_class(s, position);
    originals.push_back(s.protocol.original(position));
  }
  std::vector<std::string> all;
  for (const std::string& name : s.spec.text.names) all.push_back(filled(sentence, name));
  return s.text.rows(role, all, TooLong::kError).index_select(0, torch::tensor(originals, torch::kInt64)).to(s.device);
}

}  // namespace clb::session
