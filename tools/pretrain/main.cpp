// clb-pretrain: draws images from formulas, and pre-trains a small ViT on them.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <boost/program_options.hpp>
#include <clb/base/error.hpp>
#include <clb/base/nearest.hpp>
#include <clb/base/output.hpp>
#include <clb/base/streams.hpp>
#include <clb/formula/sheet.hpp>
#include <clb/launch/human.hpp>
#include <clb/pretrain/train.hpp>
#include <cstdio>
#include <sstream>

namespace {

using namespace clb;
namespace po = boost::program_options;

constexpr const char* kUsage =
    "clb-pretrain: pre-trains a small vision transformer on images drawn from formulas\n\n"
    "  clb-pretrain train RECIPE.toml --out FILE.safetensors [options]   train, and write the weights\n"
    "  clb-pretrain draw RECIPE.toml --sheet FILE.png [options]          look at the images\n\n"
    "`clb-pretrain train --help` and `clb-pretrain draw --help` list the options. Example:\n\n"
    "  clb-pretrain train share/pretrain/clb-micro.toml --out clb-micro.safetensors\n";

constexpr const char* kTrainExample =
    "Ctrl-C writes a checkpoint, and so do SIGUSR1, SIGUSR2 and SIGTERM, which end with exit code 75; the same command with --resume goes\n"
    "on exactly where it was.\n\n"
    "example: clb-pretrain train share/pretrain/clb-micro.toml --out clb-micro.safetensors --folder clb-micro.run\n";
constexpr const char* kDrawExample =
    "example: clb-pretrain draw share/pretrain/clb-micro.toml --sheet images.png --captions images.jsonl --count 240\n";

constexpr const char* kForce = "replace also files that clb-pretrain did not write, but never the recipe";

std::atomic<int> interrupted = 0;  // the signal
static_assert(std::atomic<int>::is_always_lock_free);

void stop_at_signals() {
  struct sigaction action {};
  action.sa_handler = [](int signal) { interrupted = signal; };
  for (const int signal : {SIGUSR1, SIGUSR2, SIGTERM}) sigaction(signal, &action, nullptr);  // a batch system's, which may say it twice
  action.sa_flags = SA_RESETHAND;                                                            // a second Ctrl-C ends at once
  sigaction(SIGINT, &action, nullptr);
}

// The options of one command; false: --help was printed.
bool parse(const std::vector<std::string>& words, po::options_description& described, const char* usage, const char* example,
           po::variables_map& values) {
  described.add_options()("help,h", "this text");
  po::options_description all;
  all.add(described).add_options()("recipe", po::value<std::string>());
  po::positional_options_description positions;
  positions.add("recipe", 1);
  try {
    const auto style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(words).options(all).positional(positions).style(style).run(), values);
  } catch (const po::unknown_option& error) {
    std::vector<std::string> names;
    for (const auto& option : described.options()) names.push_back("--" + option->long_name());
    const std::string near = base::nearest(error.get_option_name(), names);
    throw base::Error(fmt::format("unknown option {}; {}", error.get_option_name(),
                                  near.empty() ? "--help lists them" : fmt::format("did you mean {}?", near)));
  } catch (const po::error& error) {
    throw base::Error(fmt::format("{}; --help shows how", error.what()));
  }
  if (values.count("help") > 0) {
    std::ostringstream options;
    options << described;
    fmt::print("usage: {}\n\n{}\n{}", usage, options.str(), example);
    return false;
  }
  if (values.count("recipe") == 0) throw base::Error(fmt::format("a recipe is missing; usage: {}", usage));
  return true;
}

void show(const pretrain::Progress& p) {
  fmt::print(stderr, "{}{}/{} images, {:.0f}/s, {} left; loss {:.3f}, accuracy {:.1f} %{}", isatty(STDERR_FILENO) ? "\r\x1b[K" : "",
             p.images, p.total, p.rate, launch::human_seconds(p.seconds_left), p.loss, 100 * p.accuracy, isatty(STDERR_FILENO) ? "" : "\n");
}

int train(const std::vector<std::string>& words) {
  po::options_description described("options", 110, 60);
  pretrain::TrainOptions options;
  std::string out, folder;
  described.add_options()("out", po::value(&out)->value_name("FILE")->required(), "the weights: safetensors with timm's names");
  described.add_options()("folder", po::value(&folder)->value_name("DIR"), "checkpoint and curve; default: FILE.run");
  described.add_options()("force", po::bool_switch(&options.force), kForce);
  described.add_options()("resume", po::bool_switch(&options.resume), "go on from the checkpoint in the folder");
  described.add_options()("device", po::value(&options.device)->value_name("auto|cpu|cuda")->default_value("auto"), "where to compute");
  described.add_options()("threads", po::value(&options.threads)->value_name("N")->default_value(2),
                          "that compute; the result is the same");
  described.add_options()("checkpoint-minutes", po::value(&options.checkpoint_minutes)->value_name("N")->default_value(5),
                          "between checkpoints");
  po::variables_map values;
  if (!parse(words, described, "clb-pretrain train RECIPE.toml --out FILE.safetensors [options]", kTrainExample, values)) return 0;
  try {
    po::notify(values);
  } catch (const po::error& error) {
    throw base::Error(fmt::format("{}; --help shows how", error.what()));
  }
  if (options.threads < 1 || options.threads > 256) throw base::Error("--threads takes a number from 1 to 256");
  options.out = out;
  options.recipe = values["recipe"].as<std::string>();
  options.folder = folder.empty() ? out + ".run" : folder;
  options.progress = show;
  options.warn = [](const std::string& text) { fmt::print(stderr, "clb-pretrain: warning: {}\n", text); };
  options.stop = [] { return interrupted.load() != 0; };
  stop_at_signals();
  const bool finished = pretrain::train(pretrain::read_recipe(options.recipe), options);
  if (isatty(STDERR_FILENO)) fmt::print(stderr, "\n");
  fmt::print("{}\n", finished ? fmt::format("{}: {} bytes", out, std::filesystem::file_size(out))
                              : fmt::format("stopped; the same command with --resume goes on, from {}", options.folder.string()));
  if (finished) return 0;
  return static_cast<int>(interrupted == SIGINT ? base::Exit::kFailedRun : base::Exit::kGoOnLater);
}

int draw(const std::vector<std::string>& words) {
  po::options_description described("options", 110, 60);
  std::string sheet_file, captions_file, of;
  bool force = false;
  int64_t first = 0, count = 0, columns = 0, zoom = 0;
  described.add_options()("sheet", po::value(&sheet_file)->value_name("FILE.png"), "the images side by side");
  described.add_options()("captions", po::value(&captions_file)->value_name("FILE.jsonl"), "what they show, one JSON object a line");
  described.add_options()("force", po::bool_switch(&force), kForce);
  described.add_options()("of", po::value(&of)->value_name("images|masks|classes")->default_value("images"), "what the sheet shows");
  described.add_options()("first", po::value(&first)->value_name("N")->default_value(0), "index of the first image, or class");
  described.add_options()("count", po::value(&count)->value_name("N")->default_value(200), "how many");
  described.add_options()("columns", po::value(&columns)->value_name("N")->default_value(20), "images a row");
  described.add_options()("zoom", po::value(&zoom)->value_name("N")->default_value(2), "sheet pixels a pixel");
  po::variables_map values;
  if (!parse(words, described, "clb-pretrain draw RECIPE.toml --sheet FILE.png [options]", kDrawExample, values)) return 0;
  po::notify(values);
  const std::string recipe_file = values["recipe"].as<std::string>();
  const pretrain::Recipe recipe = pretrain::read_recipe(recipe_file);
  const bool classes = of == "classes";
  if (of != "images" && of != "masks" && !classes) throw base::Error("--of takes images, masks or classes, not '" + of + "'");
  if (sheet_file.empty() && captions_file.empty()) throw base::Error("nothing to write: give --sheet FILE.png or --captions FILE.jsonl");
  if (first < 0 || count < 1 || count > 100'000 || columns < 1 || columns > 1000 || zoom < 1 || zoom > 16)
    throw base::Error("--first takes a number from 0, --count 1 to 100000, --columns 1 to 1000, --zoom 1 to 16");
  if (classes && first + count > recipe.images.classes)
    throw base::Error(fmt::format("the recipe has {} classes; --first and --count go beyond", recipe.images.classes));
  const formula::Painter painter(recipe.images);
  const auto what = classes ? formula::SheetOf::kClasses : of == "masks" ? formula::SheetOf::kMasks : formula::SheetOf::kImages;
  const base::OutputRule sheet{"a sheet that clb-pretrain drew", formula::is_sheet, {recipe_file}, force};
  const base::OutputRule captions{"a file of captions that clb-pretrain wrote", formula::is_captions, {recipe_file, sheet_file}, force};
  if (!sheet_file.empty()) base::require_output(sheet_file, sheet);
  if (!captions_file.empty()) base::require_output(captions_file, captions);
  if (!sheet_file.empty()) base::write_output(sheet_file, formula::sheet(painter, what, first, count, columns, zoom), sheet);
  if (!captions_file.empty()) base::write_output(captions_file, formula::captions(painter, first, count), captions);
  return 0;
}

int dispatch(const std::vector<std::string>& words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h") {
    fmt::print("{}", kUsage);
    return words.empty() ? static_cast<int>(base::Exit::kUserMistake) : 0;
  }
  if (words[0] == "train") return train({words.begin() + 1, words.end()});
  if (words[0] == "draw") return draw({words.begin() + 1, words.end()});
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
