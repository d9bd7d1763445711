// What tables and pages say of second looks (base/second_look.hpp).
#include <algorithm>

#include "model.hpp"

namespace clb::report {
namespace {

std::string seed_of(const store::RunRow& run) { return std::to_string(run.seed) + "/" + std::to_string(run.order_seed); }

std::string of_runs(size_t n, size_t all) { return n == all ? "" : " of " + std::to_string(n) + " of " + std::to_string(all) + " runs"; }

// "reason (seed/order seed 0/0, 1/0)": runs with one reason share a note.
void note_marks(TableRow& row, const std::vector<const store::RunRow*>& runs) {
  std::vector<std::pair<std::string, std::string>> reasons;
  for (const store::RunRow* run : runs) {
    if (!run->marked()) continue;
    const auto found = std::ranges::find(reasons, run->look->reason, &std::pair<std::string, std::string>::first);
    if (found == reasons.end()) {
      reasons.emplace_back(run->look->reason, seed_of(*run));
    } else {
      found->second += ", " + seed_of(*run);
    }
  }
  for (const auto& [reason, seeds] : reasons) row.notes.push_back("not ranked: " + reason + " (seed/order seed " + seeds + ")");
}

std::vector<const store::RunRow*> finished(const TableRow& row) {
  std::vector<const store::RunRow*> runs;
  for (const RunResult& result : row.runs)
    if (result.ok()) runs.push_back(&result.run);
  return runs;
}

}  // namespace

bool marked(const TableRow& row) {
  return std::ranges::any_of(row.runs, [](const RunResult& result) { return result.ok() && result.run.marked(); });
}

std::string look_word(const store::RunRow& run) { return run.look ? run.look->outcome : "none"; }

// The worst word of its runs.
std::string look_word(const TableRow& row) {
  std::string worst;
  int rank = 0;
  for (const store::RunRow* run : finished(row)) {
    const std::string word = look_word(*run);
    const int its = word == "differs" ? 5 : word == "failed" ? 4 : word == "not_made" ? 3 : word == "none" ? 2 : 1;
    if (its > rank) {
      worst = word;
      rank = its;
    }
  }
  return worst;
}

std::string look_text(const store::RunRow& run) {
  if (!run.look) return "not taken";
  const base::SecondLook& look = *run.look;
  const std::string where = look.confined ? "" : ", without closed files (no Landlock there)";
  if (look.outcome == "not_made") return "could not be taken: " + look.reason;
  if (look.outcome == "failed") return look.reason;
  const std::string ties = look.near_ties == 0 ? "" : ", near ties that fall otherwise: " + std::to_string(look.near_ties);
  if (look.outcome == "differs") return look.reason + ties + where;
  return "its saved state predicts the same in a fresh process for " + std::to_string(look.samples) + " test samples" + ties + where;
}

base::Json look_json(const store::RunRow& run) {
  if (!run.look) return nullptr;
  const base::SecondLook& look = *run.look;
  return {{"outcome", look.outcome},     {"reason", look.reason},   {"samples", look.samples},  {"differing", look.differing},
          {"near_ties", look.near_ties}, {"seconds", look.seconds}, {"confined", look.confined}};
}

void note_second_looks(TableRow& row) {
  const std::vector<const store::RunRow*> runs = finished(row);
  note_marks(row, runs);
  std::map<std::string, size_t> refused;
  size_t none = 0, open = 0;
  for (const store::RunRow* run : runs) {
    none += !run->look;
    if (!run->look) continue;
    if (run->look->outcome == "not_made") ++refused[run->look->reason];
    if (run->look->outcome == "same" && !run->look->confined) ++open;
  }
  for (const auto& [reason, n] : refused) row.notes.push_back("a second look could not be taken" + of_runs(n, runs.size()) + ": " + reason);
  if (none > 0) row.notes.push_back("no second look was taken" + of_runs(none, runs.size()));
  if (open > 0) row.notes.push_back("second look without closed files (no Landlock)" + of_runs(open, runs.size()));
}

}  // namespace clb::report
