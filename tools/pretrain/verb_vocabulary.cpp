#include <fmt/format.h>

#include <clb/base/error.hpp>
#include <clb/base/output.hpp>
#include <clb/pretrain/vocabulary.hpp>

#include "verbs.hpp"

namespace clb::pretrain {

namespace po = boost::program_options;

int vocabulary_verb(const Words& words) {
  po::options_description described("options", 110, 60);
  std::string out;
  int64_t merges = 0;
  bool force = false;
  described.add_options()("out", po::value(&out)->value_name("FILE")->required(), "the vocabulary: a title, then a pair of symbols a line");
  described.add_options()("merges", po::value(&merges)->value_name("N")->default_value(1000), "at most so many pairs");
  described.add_options()("force", po::bool_switch(&force), kForce);
  po::variables_map values;
  const Command command{"clb-pretrain vocabulary --out FILE.txt [options]",
                        "example: clb-pretrain vocabulary --out share/assets/micro_bpe/vocabulary.txt\n", false};
  if (!parse(words, described, command, values)) return 0;
  if (merges < 0 || merges > 40'000) throw base::Error("--merges takes a number from 0 to 40000");
  const base::OutputRule rule{"a vocabulary that clb-pretrain wrote", is_vocabulary, {}, force};
  base::require_output(out, rule);
  base::write_output(out, learn_vocabulary(merges), rule);
  return 0;
}

}  // namespace clb::pretrain
