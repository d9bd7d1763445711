// What the gate's verdicts are worth where the truth is known: how often an unchanged program is called a regression, and how often a loss
// is found. Runs through the gate's own functions (results/compare); docs/gate.md has its table.
//
//   gate_levels [REPETITIONS]        default 20,000 for accuracy, a tenth of it for time
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "gate_parts.hpp"
#include "passes.hpp"

namespace {

using clb::compare::Draw;
using clb::compare::Gauge;
using clb::compare::PassPair;
using clb::compare::RunId;
using clb::compare::Time;
using clb::compare::Timed;
using clb::compare::Verdict;
using Random = std::mt19937_64;

double normal(Random& random, double sd) { return std::normal_distribution<double>(0, sd)(random); }

// A trained method: each run's accuracy is around its configuration's, by its seed and by the images that one model happens to get right.
struct Trained {
  size_t orders = 1, seeds = 3;
  double loss = 0;           // the head's true loss
  bool reseeded = true;      // head and base draw other seeds under the same names; else most of a seed's luck is shared
  double seed_sd = 0.008;    // what "trained" methods of docs/small.md show
  double order_sd = 0.02;    // of class orders, shared by base and head
  double change_sd = 0.004;  // what a change of the program does to an order
  int64_t images = 2000;
};

Verdict accuracy_verdict(const Trained& made, Random& random) {
  std::vector<Draw> changes;
  const double rest = std::sqrt(0.8 * 0.2 / static_cast<double>(made.images)) * 0.5;  // images are shared: half of it cancels
  for (size_t order = 0; order < made.orders; ++order) {
    const double of_order = made.orders > 1 ? normal(random, made.change_sd) : 0;
    for (size_t seed = 0; seed < made.seeds; ++seed) {
      const double seed_sd = made.reseeded ? made.seed_sd * std::sqrt(2.0) : 0.3 * made.seed_sd;
      const double change = of_order - made.loss + normal(random, seed_sd) + normal(random, rest * std::sqrt(2.0));
      const std::string name = std::to_string(changes.size());
      changes.push_back({RunId{static_cast<int64_t>(seed), static_cast<int64_t>(order), std::to_string(order)}, name, change});
    }
  }
  Gauge gauge;
  gauge.what = "accuracy";
  gauge.floor = clb::compare::kTrainedFloor;
  clb::compare::measure_units(gauge, clb::compare::units_of(changes));
  gauge.p_holm = gauge.p;
  clb::compare::decide_accuracy(gauge);
  return gauge.verdict;
}

// A machine that others use: how much slower it is at a time, in logarithms. `processor`: what of it reaches processor time (caches and
// clocks, not waiting).
class Machine {
 public:
  Machine(Random& random, double drift_sd, double bursts_an_hour, double reach) {
    double drift = normal(random, drift_sd);
    for (size_t second = 0; second < slow_.size(); ++second) {
      drift += -drift / 1800 + normal(random, drift_sd * std::sqrt(2.0 / 1800));
      slow_[second] += drift;
    }
    std::exponential_distribution<double> gap(bursts_an_hour / 3600), length(1.0 / 60), height(1.0 / 0.3);
    for (double at = gap(random); at < static_cast<double>(slow_.size()); at += gap(random)) {
      const double end = at + length(random), by = height(random);
      for (auto s = static_cast<size_t>(at); s < std::min(slow_.size(), static_cast<size_t>(end)); ++s) slow_[s] += by;
    }
    for (double& value : slow_) value *= reach;
  }
  double seconds(double begin, double work) const {  // that a run of so much work takes
    double done = 0, at = begin;
    while (done < work) {
      const double rate = std::exp(-slow_[std::min(slow_.size() - 1, static_cast<size_t>(at))]);
      const double step = std::min(1.0, (work - done) / rate);
      done += step * rate;
      at += step;
    }
    return at - begin;
  }

 private:
  std::vector<double> slow_ = std::vector<double>(6 * 3600, 0.0);
};

std::string time_text(double seconds) { return fmt::format("{:012.3f}", seconds); }  // sorts like the time

struct Timing {
  size_t passes = 3, seeds = 5;
  double slower = 0;  // the head, as a fraction
  bool clock = false;
  bool abba = false;  // base head, head base, ...
  double reach = 1;   // of the machine's state
  double drift_sd = 0.05;
  double bursts = 6;
};

Verdict time_verdict(const Timing& made, Random& random, std::map<Verdict, int>& seen) {
  const Machine machine(random, made.drift_sd, made.bursts, made.reach);
  std::vector<Timed> runs;
  double now = 600;
  for (size_t pass = 0; pass < 2 * made.passes; ++pass) {
    const bool head = made.abba && (pass / 2) % 2 == 1 ? pass % 2 == 0 : pass % 2 == 1;
    for (size_t seed = 0; seed < made.seeds; ++seed) {
      const double took = machine.seconds(now, 12 * (head ? 1 + made.slower : 1) * std::exp(normal(random, 0.01)));
      runs.push_back({head, RunId{static_cast<int64_t>(seed), 0, ""}, time_text(now), time_text(now + took), took});
      now += took + 1;
    }
  }
  Gauge gauge = clb::compare::time_gauge(clb::compare::alternating_passes(std::move(runs)), 0.05);
  gauge.p_holm = gauge.p;
  clb::compare::decide_cost(gauge);
  ++seen[gauge.verdict];
  return gauge.verdict;
}

double share(size_t repetitions, Verdict of, const std::function<Verdict(Random&)>& once) {
  Random random(7);
  size_t found = 0;
  for (size_t i = 0; i < repetitions; ++i) found += once(random) == of;
  return 100.0 * static_cast<double>(found) / static_cast<double>(repetitions);
}

void accuracy_table(size_t repetitions) {
  fmt::print("accuracy of a trained method, % of {} comparisons that are called a regression (no regression)\n", repetitions);
  fmt::print("{:<44} {:>14} {:>14} {:>14} {:>14}\n", "", "no change", "loss of 1", "loss of 2", "loss of 3");
  for (const bool reseeded : {false, true}) {
    for (const auto& [orders, seeds] : {std::pair<size_t, size_t>(1, 3), {1, 5}, {1, 10}, {3, 3}, {5, 3}, {10, 1}}) {
      fmt::print("{:<44}", fmt::format("{}, {} order{} x {} seed{}", reseeded ? "reseeded" : "same seeds", orders, orders == 1 ? "" : "s",
                                       seeds, seeds == 1 ? "" : "s"));
      for (const double loss : {0.0, 0.01, 0.02, 0.03}) {
        const Trained made{.orders = orders, .seeds = seeds, .loss = loss, .reseeded = reseeded};
        const auto once = [&](Random& random) { return accuracy_verdict(made, random); };
        fmt::print(" {:>14}", fmt::format("{:.1f} ({:.1f})", share(repetitions, Verdict::kRegression, once),
                                          share(repetitions, Verdict::kNoRegression, once)));
      }
      fmt::print("\n");
    }
  }
}

void time_table(size_t repetitions) {
  fmt::print("\ntime, passes of five runs, % of {} comparisons: regression / cannot tell\n", repetitions);
  fmt::print("{:<44} {:>14} {:>14} {:>14}\n", "", "unchanged", "10 % slower", "20 % slower");
  for (const bool clock : {false, true}) {
    for (const double bursts : {0.0, 6.0, 30.0}) {
      for (const size_t passes : {3u, 5u, 8u}) {
        for (const bool abba : {false, true}) {
          fmt::print("{:<44}", fmt::format("{}, {} bursts an hour, {} passes each{}", clock ? "clock" : "processor", bursts, passes,
                                           abba ? ", order turned" : ""));
          for (const double slower : {0.0, 0.1, 0.2}) {
            const Timing made{
                .passes = passes, .slower = slower, .abba = abba, .reach = clock ? 3.0 : 1.0, .bursts = std::max(1e-6, bursts)};
            std::map<Verdict, int> seen;
            share(repetitions, Verdict::kRegression, [&](Random& random) { return time_verdict(made, random, seen); });
            const auto percent = [&](Verdict v) { return 100.0 * seen[v] / static_cast<double>(repetitions); };
            fmt::print(" {:>14}", fmt::format("{:.1f} / {:.1f}", percent(Verdict::kRegression), percent(Verdict::kCannotTell)));
          }
          fmt::print("\n");
        }
      }
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  const size_t repetitions = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 20'000;
  if (repetitions < 10) {
    fmt::print(stderr, "gate_levels [REPETITIONS]: at least 10\n");
    return 2;
  }
  accuracy_table(repetitions);
  time_table(repetitions / 10);
  return 0;
}
