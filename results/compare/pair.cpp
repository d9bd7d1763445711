#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/compare/pair.hpp>
#include <clb/stats/paired.hpp>
#include <iterator>
#include <set>

#include <clb/compare/spec.hpp>
#include <clb/stream/shape.hpp>

namespace clb::compare {
namespace {

using base::Json;

// Original class id -> task that brings it; empty for streams in which tasks share their classes.
std::map<int64_t, size_t> task_of_class(const Json& spec) {
  std::map<int64_t, size_t> tasks;
  const auto shape = stream::StreamShape::of_stored(spec);
  if (shape.is_domain_stream()) return tasks;
  const Json order = spec.value("/protocol/class_order"_json_pointer, Json::array());
  for (int64_t part = 0; part < shape.parts(); ++part) {
    const stream::Range classes = shape.part_classes(part);
    for (int64_t c = classes.first; c < std::min<int64_t>(classes.end, static_cast<int64_t>(order.size())); ++c)
      tasks[order[static_cast<size_t>(c)].get<int64_t>()] = static_cast<size_t>(part);
  }
  return tasks;
}

void count(Flips& flips, int64_t a, int64_t b, int64_t label) {
  ++flips.n;
  flips.changed += a != b;
  flips.only_a += a == label && b != label;
  flips.only_b += b == label && a != label;
}

Flips& at(std::vector<Flips>& list, size_t index) {
  if (list.size() <= index) list.resize(index + 1);
  return list[index];
}

void count_pair(const Side& a, const Side& b, const Pair& pair, FlipTable& table) {
  const std::vector<int64_t> labels = a.store->targets(pair.a->attempt_id).labels;
  const std::map<int64_t, size_t> tasks = task_of_class(pair.a->spec);
  const auto shape = stream::StreamShape::of_stored(pair.a->spec);
  const int64_t last = std::min(pair.a->tasks_done, pair.b->tasks_done) - 1;
  for (int64_t task = 0; task <= last; ++task) {
    const std::vector<int64_t> left = a.store->prediction(pair.a->attempt_id, task), right = b.store->prediction(pair.b->attempt_id, task);
    if (left.size() != labels.size() || right.size() != labels.size())
      throw base::Error(fmt::format("predictions of different length ({}, {}; {} labels)", left.size(), right.size(), labels.size()));
    const bool to_come = shape.evaluated_groups(task) > shape.seen_groups(task);  // they are evaluated, and are no flips of what is learned
    for (size_t i = 0; i < labels.size(); ++i) {
      if (left[i] < 0 || right[i] < 0) continue;  // not evaluated
      const auto own = tasks.find(labels[i]);
      if (to_come && own != tasks.end() && shape.unseen(static_cast<int64_t>(own->second), task)) continue;
      count(at(table.after_task, static_cast<size_t>(task)), left[i], right[i], labels[i]);
      if (task == last && own != tasks.end()) count(at(table.on_task, own->second), left[i], right[i], labels[i]);
    }
  }
}

void keep_own(std::vector<store::RunRow>& attempts, const std::set<std::string>& shared) {
  std::erase_if(attempts, [&](const store::RunRow& attempt) { return shared.contains(attempt.uuid); });
}

std::set<std::string> uuids_of(const Series& series) {
  std::set<std::string> uuids;
  for (const auto& [id, runs] : series.runs) {
    for (const auto* attempts : {&runs.ok, &runs.others})
      for (const store::RunRow& attempt : *attempts) uuids.insert(attempt.uuid);
  }
  return uuids;
}

}  // namespace

size_t set_apart(Series& a, Series& b) {
  std::set<std::string> shared;
  std::ranges::set_intersection(uuids_of(a), uuids_of(b), std::inserter(shared, shared.end()));
  for (Series* side : {&a, &b}) {
    for (auto& [id, runs] : side->runs) {
      keep_own(runs.ok, shared);
      keep_own(runs.others, shared);
    }
    std::erase_if(side->runs, [](const auto& run) { return run.second.ok.empty() && run.second.others.empty(); });
  }
  return shared.size();
}

std::string shared_text(size_t shared) {
  if (shared == 0) return "";
  const bool one = shared == 1;
  return fmt::format("{} attempt{} left out: both sides hold {} (by UUID), and a copy is no evidence", shared, one ? " is" : "s are",
                     one ? "it" : "them");
}

std::vector<Pair> pairs_of(const Series& a, const Series& b) {
  std::vector<Pair> pairs;
  for (const auto& [id, left] : a.runs) {
    const auto right = b.runs.find(id);
    if (right == b.runs.end() || left.ok.empty() || right->second.ok.empty()) continue;
    pairs.push_back({id, &left.ok.back(), &right->second.ok.back()});
  }
  return pairs;
}

bool same_logits(const Side& a, const Side& b, const Pair& pair) {
  const auto left = a.store->logit_hashes(pair.a->attempt_id);
  return static_cast<int64_t>(left.size()) == pair.a->tasks_planned && left == b.store->logit_hashes(pair.b->attempt_id);
}

FlipTable flips_of(const Side& a, const Side& b, const std::vector<Pair>& pairs) {
  FlipTable table;
  try {
    for (const Pair& pair : pairs) count_pair(a, b, pair, table);
  } catch (const base::Error& error) {  // counts without predictions: a generated database, or one of rows measured elsewhere
    return {{}, {}, error.what()};
  }
  for (std::vector<Flips>* list : {&table.after_task, &table.on_task}) {
    for (Flips& flips : *list)
      if (pairs.size() == 1) flips.p = stats::mcnemar_exact(flips.only_a, flips.only_b);
  }
  return table;
}

}  // namespace clb::compare
