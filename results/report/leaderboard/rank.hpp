// Places of rows in a column: which are best, and how dark a cell is.
#pragma once

#include <optional>
#include <vector>

#include "../model.hpp"

namespace clb::report {

// Places from 1 on, equal values share one; nullopt where there is no value.
std::vector<std::optional<double>> places(const std::vector<std::optional<double>>& values, bool higher_is_better);

// "s4" for the best down to "s0": the share of rows that a row is not behind.
std::string shade(std::optional<double> place, size_t of);

}  // namespace clb::report
