struct ProviderError: Error {
  var isOutage = false
}
