#include "hub/error.h"

namespace bamgate::hub {

std::string_view to_string(Error error) {
  switch (error) {
    case Error::kDatabase:
      return "the database failed";
    case Error::kNewerDatabase:
      return "the database belongs to a newer version of bamgate";
    case Error::kBadSubnet:
      return "the subnet must be IPv4 with a prefix from /8 to /30";
    case Error::kReservedSubnet:
      return "the subnet overlaps 10.255.0.0/16, which relay addresses use";
    case Error::kSubnetInUse:
      return "devices hold addresses of another subnet; revoke them first";
    case Error::kBadUses:
      return "a join token is for 1 to 1000 registrations";
    case Error::kBadLifetime:
      return "a join token lives from 1 second to 365 days";
    case Error::kTooManyTokens:
      return "1000 join tokens are valid already; withdraw some with 'bamgate devices tokens withdraw ID'";
    case Error::kBadName:
      return "a device name is 1 to 63 of a-z, 0-9 and '-', and neither begins nor ends with '-'";
  }
  return "unknown error";
}

}  // namespace bamgate::hub
