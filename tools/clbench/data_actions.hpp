// The actions of `clbench data`, and what they share; `clbench demo` fetches with them.
#pragma once

#include <clb/base/json.hpp>
#include <string>
#include <vector>

#include "named_files.hpp"
#include "options.hpp"

namespace clb::cli {

int data_get(const Options& options);     // data_get.cpp
int data_verify(const Options& options);  // data_verify.cpp

std::string or_else(const std::string& text, const char* otherwise);
void print_about(std::FILE* to, const NamedFiles& files);  // title, licence and homepage
base::Json files_json(const NamedFiles& files);

// Those of the split that --split names, else of the usual one. Error: the data set has no such split.
std::vector<NamedFile> wanted_files(const NamedFiles& files, const Options& options);

// Fetches into files.folder, with progress. Returns those that a person has to fetch.
std::vector<NamedFile> fetch_files(const NamedFiles& files, const std::vector<NamedFile>& wanted);

struct Checked {
  std::string what;
  std::string wrong;  // a sentence; "": good
};

// What the plugin finds in the data set's place, of that split, and whether it is what is known of it.
Checked look_through_plugin(const NamedFiles& files, const Options& options);

}  // namespace clb::cli
