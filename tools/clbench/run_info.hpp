// clbench info RUN: every attempt at a run, what it took and how busy the machine was.
#pragma once

#include <filesystem>
#include <string>

namespace clb::cli {

// `key`: first characters of the run's key. Prints text or JSON; Error as run_by_key.
void print_run(const std::filesystem::path& database, const std::string& key, bool json);

}  // namespace clb::cli
