// clb-pretrain: draws images from formulas, and pre-trains a small ViT on them, or two towers on images and sentences.
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <clb/base/error.hpp>
#include <clb/base/streams.hpp>
#include <cstdio>
#include <string_view>
#include <utility>

#include "verbs.hpp"

namespace {

using namespace clb;

constexpr const char* kUsage =
    "clb-pretrain: pre-trains a small vision transformer, or towers for images and texts, on what formulas draw\n\n"
    "  clb-pretrain train RECIPE.toml --out FILE.safetensors [options]          train, and write the weights\n"
    "  clb-pretrain evaluate RECIPE.toml --weights FILE.safetensors [options]   what two towers make of names and sentences\n"
    "  clb-pretrain draw RECIPE.toml --sheet FILE.png [options]                 look at the images\n"
    "  clb-pretrain vocabulary --out FILE.txt [options]                         the tokeniser's, from the sentences\n\n"
    "`clb-pretrain train --help` and so on list the options. Examples:\n\n"
    "  clb-pretrain train share/pretrain/clb-micro.toml --out clb-micro.safetensors\n"
    "  clb-pretrain train share/pretrain/clb-micro-clip.toml --out clb-micro-clip.safetensors\n";

using Verb = int (*)(const pretrain::Words& words);
constexpr std::array<std::pair<std::string_view, Verb>, 4> kVerbs{{{"train", pretrain::train_verb},
                                                                   {"evaluate", pretrain::evaluate_verb},
                                                                   {"draw", pretrain::draw_verb},
                                                                   {"vocabulary", pretrain::vocabulary_verb}}};

int dispatch(const std::vector<std::string>& words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h") {
    fmt::print("{}", kUsage);
    return words.empty() ? static_cast<int>(base::Exit::kUserMistake) : 0;
  }
  for (const auto& [name, verb] : kVerbs)
    if (words[0] == name) return verb({words.begin() + 1, words.end()});
  throw base::Error("there is no command '" + words[0] + "'; clb-pretrain --help lists them");
}

}  // namespace

// Leaves with _exit: unloading LibTorch code at exit is a known source of crashes.
int main(int argc, char** argv) {
  base::guard_streams();
  int code = static_cast<int>(base::Exit::kInternal);
  try {
    code = dispatch({argv + 1, argv + argc});
    if (code != static_cast<int>(base::Exit::kUserMistake)) base::finish_output();
  } catch (const base::Error& e) {
    fmt::print(stderr, "clb-pretrain: {}\n", e.what());
    code = static_cast<int>(e.exit());
  } catch (const std::exception& e) {
    fmt::print(stderr, "clb-pretrain: internal error: {}\n", e.what());
  }
  std::fflush(nullptr);
  _exit(code);
}
