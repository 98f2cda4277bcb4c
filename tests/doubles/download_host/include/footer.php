</div>
