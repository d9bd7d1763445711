// Passes of a suite in time, and pairs of them that alternate: the units of a time.
//
// Runs of one pass share what the machine was like in those minutes; however many seeds they are, together they are one measurement. A pass
// is what one side ran before the other side ran something, or before it ran the same run again. Two passes that follow each other, one of
// the base and one of the head, are a pair; each pass is in one pair. So what ran hours apart, or at the same time, is in none.
#pragma once

#include <clb/compare/series.hpp>
#include <string>
#include <vector>

namespace clb::compare {

struct Timed {  // a run that ended well
  bool head = false;
  RunId id;
  std::string start, end;  // UTC, ISO 8601: their texts sort like the times
  double seconds = 0;
};

struct PassPair {
  double base = 0, head = 0;  // seconds of the runs that both passes have
};
std::vector<PassPair> alternating_passes(std::vector<Timed> runs);

}  // namespace clb::compare
