// Which runs go into which job.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace clb::sweep {

struct PackRule {
  double job_s = 0;          // what a job should take at most
  int64_t jobs_max = 1;      // as many jobs at most; where that is too few, jobs take longer than job_s
  double job_least_s = 600;  // a job is not worth its start below that: fewer jobs are made
  int64_t at_once = 1;       // runs of a job that are on together
};

// For each run its slot, from 1. Runs that follow one another in `seconds` and differ little go to different slots, so that slots take
// about the same time; every slot has a run.
std::vector<int64_t> pack(const std::vector<double>& seconds, const PackRule& rule);

}  // namespace clb::sweep
