// The plan's view of what is installed: plugins found by the launcher, described by the runner.
#pragma once

#include <clb/launch/describe.hpp>
#include <clb/launch/plugins.hpp>
#include <clb/plan/catalogue.hpp>
#include <string>
#include <vector>

namespace clb::cli {

class InstalledCatalogue final : public plan::Catalogue {
 public:
  InstalledCatalogue(const std::vector<launch::PluginFile>& plugins, launch::Describer& describer)
      : plugins_(plugins), describer_(describer) {}

  std::vector<std::string> method_ids() const override { return ids("method"); }
  std::vector<std::string> dataset_ids() const override { return ids("dataset"); }
  std::string refusal(const std::string& id) const override;
  base::MethodInfo method(const std::string& id) override;
  std::vector<base::ParamInfo> dataset_params(const std::string& id) override;
  base::DatasetInfo dataset_with(const std::string& id, const std::string& root, const base::Json& params) override;
  base::DatasetInfo dataset(const std::string& id, const std::string& root) override;
  std::string file_sha256(const std::string& file) override { return describer_.file_sha256(file); }

 private:
  std::vector<std::string> ids(const std::string& kind) const;

  const std::vector<launch::PluginFile>& plugins_;
  launch::Describer& describer_;
};

}  // namespace clb::cli
