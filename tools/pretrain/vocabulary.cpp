#include "clb/pretrain/vocabulary.hpp"

#include <clb/formula/scene.hpp>
#include <map>
#include <string_view>
#include <vector>

namespace clb::pretrain {
namespace {

using formula::Random;

constexpr int64_t kSentences = 50'000;
constexpr uint64_t kStream = 7;
constexpr std::string_view kTitle = "#version: 0.2 - clb-pretrain's sentences, ";

// How often each word occurs, a word being a run of letters, as the tokeniser cuts texts.
std::map<std::string, int64_t> words_of_sentences() {
  std::map<std::string, int64_t> words;
  const auto count = [&](const std::string& text) {
    std::string word;
    for (const char c : text + " ") {
      if (c >= 'a' && c <= 'z') {
        word += c;
      } else if (!word.empty()) {
        ++words[word];
        word.clear();
      }
    }
  };
  for (int64_t k = 0; k < kSentences; ++k) {
    Random random(0, kStream, static_cast<uint64_t>(k));
    const formula::Scene scene{.thing = formula::drawn_thing(random, {.held_out = random.chance(0.16F)}), .size = random.between(0.5F, 1)};
    count(formula::sentence(scene, random).text);
    count(formula::full_sentence(scene));
  }
  return words;
}

struct Word {
  std::vector<std::string> symbols;  // of one letter, the last one with "</w>"
  int64_t count = 0;
};

using Pair = std::pair<std::string, std::string>;

// The most frequent pair of neighbours, of equals the first by its bytes; ("", "") when no two symbols are left beside each other.
Pair best_pair(const std::vector<Word>& words) {
  std::map<Pair, int64_t> counts;
  for (const Word& word : words)
    for (size_t k = 0; k + 1 < word.symbols.size(); ++k) counts[{word.symbols[k], word.symbols[k + 1]}] += word.count;
  Pair best;
  int64_t most = 0;
  for (const auto& [pair, count] : counts) {
    if (count <= most) continue;
    best = pair;
    most = count;
  }
  return best;
}

void unite(const Pair& pair, Word& word) {
  std::vector<std::string> next;
  for (size_t k = 0; k < word.symbols.size(); ++k) {
    const bool here = k + 1 < word.symbols.size() && word.symbols[k] == pair.first && word.symbols[k + 1] == pair.second;
    next.push_back(here ? pair.first + pair.second : word.symbols[k]);
    k += here;
  }
  word.symbols = std::move(next);
}

}  // namespace

std::string learn_vocabulary(int64_t merges) {
  std::vector<Word> words;
  for (const auto& [text, count] : words_of_sentences()) {
    Word word{.symbols = {}, .count = count};
    for (const char c : text) word.symbols.emplace_back(1, c);
    word.symbols.back() += "</w>";
    words.push_back(word);
  }
  std::string lines;
  int64_t count = 0;
  for (; count < merges; ++count) {
    const Pair pair = best_pair(words);
    if (pair.first.empty()) break;
    lines += pair.first + " " + pair.second + "\n";
    for (Word& word : words) unite(pair, word);
  }
  return std::string(kTitle) + std::to_string(count) + " merges\n" + lines;
}

bool is_vocabulary(std::string_view begin) { return begin.starts_with(kTitle); }

}  // namespace clb::pretrain
