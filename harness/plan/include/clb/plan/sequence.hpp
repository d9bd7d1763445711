// A sequence of data sets taken as one: classes follow one another, each data set is a domain.
#pragma once

#include <clb/base/describe.hpp>
#include <clb/base/run_spec.hpp>
#include <clb/plan/catalogue.hpp>
#include <string>
#include <vector>

namespace clb::plan {

// What is known of the sequence as a whole. A class name that several data sets have is shown with its data set in front ("cub: crow"). It
// states an official order where each data set states one of that name, or each states exactly one.
base::DatasetInfo sequence_info(const std::vector<base::DatasetSpec>& parts, const std::vector<base::DatasetInfo>& infos);

// What is known of the data of a run, whether one data set or a sequence.
base::DatasetInfo described(const base::DatasetSpec& dataset, Catalogue& catalogue);

}  // namespace clb::plan
