// Tasks, classes and domains of a stream, worked out for a data set.
#pragma once

#include "protocol.hpp"

namespace clb::plan {

// Task sizes and the order of the classes. A split of a sequence of data sets holds within each of them ("datasets", the default: each is
// one task), and so does an order that is drawn; a list speaks of all of them.
void resolve_classes(const ProtocolSection& section, const DatasetEntry& dataset, base::ProtocolSpec& spec);

// One task for each domain of the data set, or of those that protocol.domains lists.
void resolve_domains(const ProtocolSection& section, const DatasetEntry& dataset, base::ProtocolSpec& spec);

}  // namespace clb::plan
