// The commands of clb-pretrain, and how they read their words.
#pragma once

#include <boost/program_options.hpp>
#include <string>
#include <vector>

namespace clb::pretrain {

using Words = std::vector<std::string>;

// Each returns the exit code. Their own files see no header of LibTorch: those bring another version of {fmt} than the one that clb_fmt
// compiles.
int train_verb(const Words& words);
int evaluate_verb(const Words& words);
int draw_verb(const Words& words);
int vocabulary_verb(const Words& words);

inline constexpr const char* kForce = "replace also files that clb-pretrain did not write, but never the recipe";

// The options of one command; `recipe` is its argument. False: --help was printed.
struct Command {
  const char *usage, *example;
  bool recipe = true;
};
bool parse(const Words& words, boost::program_options::options_description& described, const Command& command,
           boost::program_options::variables_map& values);

}  // namespace clb::pretrain
