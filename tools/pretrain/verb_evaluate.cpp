#include <fmt/format.h>

#include <clb/base/error.hpp>
#include <clb/pretrain/evaluate.hpp>

#include "verbs.hpp"

namespace clb::pretrain {

namespace po = boost::program_options;

namespace {

constexpr const char* kEvaluateExample =
    "Classes are pairs of a colour and a figure, as those of the data set formula. The training draws most pairs and never the others.\n\n"
    "example: clb-pretrain evaluate share/pretrain/clb-micro-clip.toml --weights clb-micro-clip.safetensors\n";

void print(const char* what, const ClipReport::Names& names) {
  fmt::print("{:<22} {:6.2f} % among their names, {:6.2f} % among all, {} images\n", what, 100 * names.among_kind, 100 * names.among_all,
             names.images);
}

}  // namespace

int evaluate_verb(const Words& words) {
  po::options_description described("options", 110, 60);
  EvaluateOptions options;
  std::string weights;
  described.add_options()("weights", po::value(&weights)->value_name("FILE")->required(), "what the recipe gave");
  described.add_options()("images", po::value(&options.images)->value_name("N")->default_value(10), "of each pair of colour and figure");
  described.add_options()("groups", po::value(&options.groups)->value_name("N")->default_value(10), "of 100 images, for retrieval");
  described.add_options()("seen-only", po::bool_switch(&options.seen_only),
                          "leave out the pairs that are held out: no choice is to be made by them");
  described.add_options()("threads", po::value(&options.threads)->value_name("N")->default_value(2), "that compute");
  po::variables_map values;
  if (!parse(words, described, {"clb-pretrain evaluate RECIPE.toml --weights FILE.safetensors [options]", kEvaluateExample}, values))
    return 0;
  if (options.images < 1 || options.images > 10'000 || options.groups < 1 || options.groups > 10'000 || options.threads < 1 ||
      options.threads > 256)
    throw base::Error("--images and --groups take a number from 1 to 10000, --threads 1 to 256");
  const ClipReport report = evaluate(read_recipe(values["recipe"].as<std::string>()), weights, options);
  print("zero-shot, seen pairs", report.seen);
  if (report.unseen) print("zero-shot, unseen", *report.unseen);
  fmt::print("retrieval among 100    {:6.2f} % image to text, {:6.2f} % text to image, {} images\n", 100 * report.image_to_text,
             100 * report.text_to_image, report.retrieved);
  return 0;
}

}  // namespace clb::pretrain
