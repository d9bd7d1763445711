#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <clb/base/error.hpp>
#include <clb/launch/human.hpp>
#include <clb/pretrain/train.hpp>

#include "verbs.hpp"

namespace clb::pretrain {

namespace po = boost::program_options;

namespace {

constexpr const char* kTrainExample =
    "Ctrl-C writes a checkpoint, and so do SIGUSR1, SIGUSR2 and SIGTERM, which end with exit code 75; the same command with --resume goes\n"
    "on exactly where it was.\n\n"
    "example: clb-pretrain train share/pretrain/clb-micro.toml --out clb-micro.safetensors --folder clb-micro.run\n";

std::atomic<int> interrupted = 0;  // the signal
static_assert(std::atomic<int>::is_always_lock_free);

void stop_at_signals() {
  struct sigaction action {};
  action.sa_handler = [](int signal) { interrupted = signal; };
  for (const int signal : {SIGUSR1, SIGUSR2, SIGTERM}) sigaction(signal, &action, nullptr);  // a batch system's, which may say it twice
  action.sa_flags = SA_RESETHAND;                                                            // a second Ctrl-C ends at once
  sigaction(SIGINT, &action, nullptr);
}

void show(const Progress& p) {
  fmt::print(stderr, "{}{}/{} images, {:.0f}/s, {} left; loss {:.3f}, accuracy {:.1f} %{}", isatty(STDERR_FILENO) ? "\r\x1b[K" : "",
             p.images, p.total, p.rate, launch::human_seconds(p.seconds_left), p.loss, 100 * p.accuracy, isatty(STDERR_FILENO) ? "" : "\n");
}

}  // namespace

int train_verb(const Words& words) {
  po::options_description described("options", 110, 60);
  TrainOptions options;
  std::string out, folder;
  described.add_options()("out", po::value(&out)->value_name("FILE")->required(),
                          "the weights: safetensors with timm's names, or of two towers with OpenCLIP's");
  described.add_options()("folder", po::value(&folder)->value_name("DIR"), "checkpoint and curve; default: FILE.run");
  described.add_options()("force", po::bool_switch(&options.force), kForce);
  described.add_options()("resume", po::bool_switch(&options.resume), "go on from the checkpoint in the folder");
  described.add_options()("device", po::value(&options.device)->value_name("auto|cpu|cuda")->default_value("auto"), "where to compute");
  described.add_options()("threads", po::value(&options.threads)->value_name("N")->default_value(2),
                          "that compute; the result is the same");
  described.add_options()("checkpoint-minutes", po::value(&options.checkpoint_minutes)->value_name("N")->default_value(5),
                          "between checkpoints");
  po::variables_map values;
  if (!parse(words, described, {"clb-pretrain train RECIPE.toml --out FILE.safetensors [options]", kTrainExample}, values)) return 0;
  if (options.threads < 1 || options.threads > 256) throw base::Error("--threads takes a number from 1 to 256");
  options.out = out;
  options.recipe = values["recipe"].as<std::string>();
  options.folder = folder.empty() ? out + ".run" : folder;
  options.progress = show;
  options.warn = [](const std::string& text) { fmt::print(stderr, "clb-pretrain: warning: {}\n", text); };
  options.stop = [] { return interrupted.load() != 0; };
  stop_at_signals();
  const Recipe recipe = read_recipe(options.recipe);
  const bool finished = pretrain::train(recipe, options);
  if (isatty(STDERR_FILENO)) fmt::print(stderr, "\n");
  fmt::print("{}\n", finished ? fmt::format("{}: {} bytes", out, std::filesystem::file_size(out))
                              : fmt::format("stopped; the same command with --resume goes on, from {}", options.folder.string()));
  if (finished) return 0;
  return static_cast<int>(interrupted == SIGINT ? base::Exit::kFailedRun : base::Exit::kGoOnLater);
}

}  // namespace clb::pretrain
