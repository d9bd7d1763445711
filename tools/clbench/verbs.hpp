// The verbs: one function per file verb_<name>.cpp. Each takes what stands after its name and returns an exit code; mistakes are thrown as
// base::Error.
#pragma once

#include <string>
#include <vector>

namespace clb::cli {

using Arguments = std::vector<std::string>;

int verb_demo(const Arguments& arguments);
int verb_run(const Arguments& arguments);
int verb_resume(const Arguments& arguments);
int verb_sweep(const Arguments& arguments);
int verb_list(const Arguments& arguments);
int verb_info(const Arguments& arguments);
int verb_status(const Arguments& arguments);
int verb_tasks(const Arguments& arguments);
int verb_reproduce(const Arguments& arguments);
int verb_leaderboard(const Arguments& arguments);
int verb_evaluate(const Arguments& arguments);
int verb_table(const Arguments& arguments);
int verb_compare(const Arguments& arguments);
int verb_gate(const Arguments& arguments);
int verb_history(const Arguments& arguments);
int verb_audit(const Arguments& arguments);
int verb_export(const Arguments& arguments);
int verb_import(const Arguments& arguments);
int verb_merge(const Arguments& arguments);
int verb_validate(const Arguments& arguments);
int verb_cache(const Arguments& arguments);
int verb_data(const Arguments& arguments);
int verb_new(const Arguments& arguments);
int verb_doctor(const Arguments& arguments);

}  // namespace clb::cli
